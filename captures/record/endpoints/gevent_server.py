"""An echo server on gevent-websocket: gevent_server.py PORT"""

import sys

from gevent import pywsgi
from geventwebsocket.handler import WebSocketHandler


def app(environ, start_response):
    socket = environ.get("wsgi.websocket")
    if socket is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such page\n"]
    while (message := socket.receive()) is not None:
        socket.send(message)
    return []


pywsgi.WSGIServer(("0.0.0.0", int(sys.argv[1])), app, handler_class=WebSocketHandler).serve_forever()
