// An echo server on gorilla/websocket that takes orders: gorilla_orders PORT [LIMIT]
// "close CODE REASON" has it close so, "close" alone with an empty Close; LIMIT is of a message's size.
package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	upgrader := websocket.Upgrader{EnableCompression: true}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		connection, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			log.Print(err)
			return
		}
		defer connection.Close()
		if len(os.Args) > 2 {
			limit, _ := strconv.ParseInt(os.Args[2], 10, 64)
			connection.SetReadLimit(limit)
		}
		for {
			kind, message, err := connection.ReadMessage()
			if err != nil {
				log.Print(err)
				return
			}
			words := strings.SplitN(string(message), " ", 3)
			if words[0] != "close" {
				connection.WriteMessage(kind, message)
				continue
			}
			words = append(words, "", "")
			payload := []byte{}
			if code, err := strconv.Atoi(words[1]); err == nil {
				payload = websocket.FormatCloseMessage(code, words[2])
			}
			err = connection.WriteControl(websocket.CloseMessage, payload, time.Now().Add(time.Second))
			if err != nil {
				log.Print("refused: ", words[1], " ", err)
			}
		}
	})
	log.Fatal(http.ListenAndServe("0.0.0.0:"+os.Args[1], nil))
}
