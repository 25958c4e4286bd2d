// An echo server on nhooyr.io/websocket that takes orders: nhooyr_orders PORT [LIMIT]
// "close CODE REASON" has it close so, "close" alone with an empty Close; LIMIT is of a message's size.
// /json takes nothing but JSON, and /deaf nothing at all.
package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"nhooyr.io/websocket"
	"nhooyr.io/websocket/wsjson"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		connection, err := websocket.Accept(w, r, nil)
		if err != nil {
			log.Print(err)
			return
		}
		defer connection.Close(websocket.StatusInternalError, "")
		if len(os.Args) > 2 {
			limit, _ := strconv.ParseInt(os.Args[2], 10, 64)
			connection.SetReadLimit(limit)
		}
		if r.URL.Path == "/deaf" { // takes no message at all
			<-connection.CloseRead(r.Context()).Done()
			return
		}
		for {
			if r.URL.Path == "/json" {
				var value interface{}
				if err := wsjson.Read(r.Context(), connection, &value); err != nil {
					return
				}
				wsjson.Write(r.Context(), connection, value)
				continue
			}
			kind, message, err := connection.Read(r.Context())
			if err != nil {
				log.Print(err)
				return
			}
			words := strings.SplitN(string(message), " ", 3)
			if words[0] != "close" {
				connection.Write(r.Context(), kind, message)
				continue
			}
			words = append(words, "", "")
			code := websocket.StatusNoStatusRcvd
			if number, err := strconv.Atoi(words[1]); err == nil {
				code = websocket.StatusCode(number)
			}
			log.Print("closing: ", words[1], " ", connection.Close(code, words[2]))
			return
		}
	})
	log.Fatal(http.ListenAndServe("0.0.0.0:"+os.Args[1], nil))
}
