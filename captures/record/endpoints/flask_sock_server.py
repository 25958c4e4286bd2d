"""An echo server on flask-sock, under the server that comes with Flask: flask_sock_server.py PORT"""

import sys

from flask import Flask
from flask_sock import Sock

app = Flask(__name__)


@Sock(app).route("/live/<how>")
def live(socket, how):
    while True:
        socket.send(socket.receive())


app.run(host="0.0.0.0", port=int(sys.argv[1]))
