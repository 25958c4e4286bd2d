// An echo server on gorilla/websocket, which lets in only its own origin: gorilla PORT
// /wrapped goes through a middleware that hides the connection, as many a logger does.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
)

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Header() http.Header              { return w.ResponseWriter.Header() }
func (w wrapped) Write(content []byte) (int, error) { return w.ResponseWriter.Write(content) }
func (w wrapped) WriteHeader(status int)           { w.ResponseWriter.WriteHeader(status) }

func main() {
	upgrader := websocket.Upgrader{}
	live := func(w http.ResponseWriter, r *http.Request) {
		connection, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			log.Print(err)
			return
		}
		defer connection.Close()
		for {
			kind, message, err := connection.ReadMessage()
			if err != nil {
				return
			}
			connection.WriteMessage(kind, message)
		}
	}
	http.HandleFunc("/", live)
	http.HandleFunc("/wrapped", func(w http.ResponseWriter, r *http.Request) { live(wrapped{w}, r) })
	log.Fatal(http.ListenAndServe("0.0.0.0:"+os.Args[1], nil))
}
