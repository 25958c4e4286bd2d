// An echo server on nhooyr.io/websocket (now coder/websocket): nhooyr PORT
package main

import (
	"log"
	"net/http"
	"os"

	"nhooyr.io/websocket"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		connection, err := websocket.Accept(w, r, nil)
		if err != nil {
			log.Print(err)
			return
		}
		defer connection.Close(websocket.StatusInternalError, "")
		for {
			kind, message, err := connection.Read(r.Context())
			if err != nil {
				return
			}
			connection.Write(r.Context(), kind, message)
		}
	})
	log.Fatal(http.ListenAndServe("0.0.0.0:"+os.Args[1], nil))
}
