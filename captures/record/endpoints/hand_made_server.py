"""Servers that no library can be made to be: hand_made_server.py PORT CONDUCT

CONDUCT is the name of a function below; each gets one accepted connection.
"""

import socket
import sys
import threading
import time

from hand_made import (
    TEXT, accept_for, close_frame, drain, field, frame, read_head, reset, switching,
)

BACKEND = ("10.2.0.2", 8080)


def silent(connection):
    """Takes the request and never answers."""
    read_head(connection)
    drain(connection, 60)


def slow(connection):
    """Answers with the right 101, but only after a second and a half."""
    head = read_head(connection)
    time.sleep(1.5)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key")))
    drain(connection, 5)


def hang_up(connection):
    """Takes the request and closes without a byte."""
    read_head(connection)


def hang_up_hard(connection):
    """Takes the request and resets the connection."""
    read_head(connection)
    reset(connection)


def upgrade_anyway(connection):
    """Answers 101 to everything, asked or not, and echoes nothing."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key")))
    drain(connection, 3)


def wrong_accept(connection):
    """A constant instead of the hash of the client's key."""
    read_head(connection)
    connection.sendall(switching(b"not the key of the client"))
    drain(connection, 3)


def no_accept(connection):
    read_head(connection)
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       b"Connection: Upgrade\r\n\r\n")
    drain(connection, 3)


def no_upgrade(connection):
    head = read_head(connection)
    accept = accept_for(field(head, "Sec-WebSocket-Key"))
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept)
    drain(connection, 3)


def no_connection(connection):
    head = read_head(connection)
    accept = accept_for(field(head, "Sec-WebSocket-Key"))
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept)
    drain(connection, 3)


def other_protocol(connection):
    """A 101 to another protocol than the one asked for."""
    head = read_head(connection)
    accept = accept_for(field(head, "Sec-WebSocket-Key"))
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n"
                       b"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept)
    drain(connection, 3)


def stray_subprotocol(connection):
    """Selects a subprotocol that the client did not offer."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key"),
                                 b"Sec-WebSocket-Protocol: graphql-transport-ws"))
    drain(connection, 3)


def stray_extension(connection):
    """Agrees an extension that the client did not offer."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key"),
                                 b"Sec-WebSocket-Extensions: permessage-deflate"))
    drain(connection, 3)


def want_tls(connection):
    """RFC 9110, 15.5.22: not over this protocol, whatever was asked."""
    read_head(connection)
    body = b"This service requires TLS 1.2 or newer.\n"
    connection.sendall(b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n"
                       b"Connection: Upgrade\r\nContent-Type: text/plain\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body)
    drain(connection, 3)


def bad_code(connection):
    """Opens, says a word, and puts 1006 on the wire, which no endpoint may."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key")) + frame(TEXT, b"hello"))
    time.sleep(0.5)
    connection.sendall(close_frame(1006, "gone"))
    drain(connection, 3)


def gateway(connection):
    """A frame-aware gateway: opens towards the client, then finds its upstream refused."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key"), b"Server: gateway"))
    try:
        socket.create_connection(BACKEND, timeout=2).close()
    except OSError:
        connection.sendall(close_frame(1014, "upstream refused the connection"))
    drain(connection, 3)


def serve(connection, conduct):
    with connection:
        conduct(connection)


def main(port, conduct):
    with socket.create_server(("0.0.0.0", int(port))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, globals()[conduct])).start()


main(*sys.argv[1:])
