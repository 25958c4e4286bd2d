"""Closing handshakes that no library does: closing_by_hand.py client|server HOST:PORT CONDUCT...

A client plays one conduct after the other; a server the first with its first connection, and so on.
"""

import base64
import os
import socket
import sys
import time

from hand_made import TEXT, close_frame, drain, field, frame, read_head, reset, switching

CLOSE = 8


def mask():
    return os.urandom(4)


def handshake(address):
    connection = socket.create_connection(address, timeout=12)
    connection.sendall(
        b"GET /live HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        + base64.b64encode(os.urandom(16)) + b"\r\n\r\n")
    read_head(connection)
    return connection


def open_one(address):
    """A WebSocket on which a hello has been echoed."""
    connection = handshake(address)
    connection.sendall(frame(TEXT, b"hello", mask()))
    connection.recv(100)
    return connection


# ---- clients ------------------------------------------------------------------------------------

def never_echo(address):
    """Has the server close, and takes no notice."""
    connection = open_one(address)
    connection.sendall(frame(TEXT, b"close 1001 restart", mask()))
    drain(connection, 12)
    connection.close()


def fin_for_echo(address):
    """Has the server close, and ends TCP instead of answering."""
    connection = open_one(address)
    connection.sendall(frame(TEXT, b"close 1001 restart", mask()))
    connection.recv(100)
    connection.close()


def close_and_leave(address):
    """A page that is left: Close, and TCP's end at once, without waiting for an echo."""
    connection = open_one(address)
    connection.sendall(close_frame(1001, "", mask()))
    connection.shutdown(socket.SHUT_WR)
    drain(connection, 5)
    connection.close()


def close_and_reset(address):
    connection = open_one(address)
    connection.sendall(close_frame(1001, "", mask()))
    time.sleep(0.02)
    reset(connection)


def close_and_stay(address):
    """Closes, and once it is echoed leaves the end of TCP to the server, as RFC 6455 says."""
    connection = open_one(address)
    connection.sendall(close_frame(1000, "bye", mask()))
    drain(connection, 12)
    connection.close()


def data_after_close(address):
    connection = open_one(address)
    connection.sendall(close_frame(1000, "bye", mask()) + frame(TEXT, b"one more thing", mask()))
    drain(connection, 5)
    connection.close()


def close_twice(address):
    connection = open_one(address)
    connection.sendall(close_frame(1000, "bye", mask()) + close_frame(1001, "bye again", mask()))
    drain(connection, 5)
    connection.close()


def close_while_told(address):
    """Closes while the server sends on and on: what it sent before it saw the Close is no fault."""
    connection = open_one(address)
    connection.sendall(frame(TEXT, b"stream", mask()))
    time.sleep(0.1)
    connection.sendall(close_frame(1000, "enough", mask()))
    drain(connection, 5)
    connection.close()


# ---- servers ------------------------------------------------------------------------------------

def next_frame(connection):
    """Opcode and payload of the client's next frame, all of which are short."""
    head = connection.recv(2, socket.MSG_WAITALL)
    if len(head) < 2:
        return None, b""
    key = connection.recv(4, socket.MSG_WAITALL)
    data = connection.recv(head[1] & 0x7F, socket.MSG_WAITALL) if head[1] & 0x7F else b""
    return head[0] & 0x0F, bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


def until_close(connection):
    """Opens, echoes, and returns the payload of the client's Close."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key")))
    while True:
        opcode, data = next_frame(connection)
        if opcode in (None, CLOSE):
            return data
        connection.sendall(frame(TEXT, data))


def silent_to_close(connection):
    """Takes the client's Close and never answers."""
    until_close(connection)
    drain(connection, 12)


def fin_for_close(connection):
    """Takes the client's Close and ends TCP."""
    until_close(connection)


def reset_for_close(connection):
    until_close(connection)
    reset(connection)


def other_code(connection):
    """Answers the client's Close with a code of its own."""
    until_close(connection)
    connection.sendall(close_frame(1011, "cannot save"))
    drain(connection, 2)


def empty_echo(connection):
    until_close(connection)
    connection.sendall(frame(CLOSE))
    drain(connection, 2)


def late_echo(connection):
    """Tells what it still had to tell, and echoes only then."""
    payload = until_close(connection)
    for word in (b"one", b"two", b"three"):
        connection.sendall(frame(TEXT, word))
        time.sleep(0.3)
    connection.sendall(frame(CLOSE, payload))
    drain(connection, 2)


def close_then_data(connection):
    """Closes after the first word, and goes on talking."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key")))
    echo = frame(TEXT, next_frame(connection)[1])
    connection.sendall(echo + close_frame(1000, "done") + frame(TEXT, b"one more thing"))
    drain(connection, 2)


def close_and_fin(connection):
    """Closes and ends TCP in one go, and has no ear for the echo."""
    head = read_head(connection)
    connection.sendall(switching(field(head, "Sec-WebSocket-Key")))
    connection.sendall(frame(TEXT, next_frame(connection)[1]) + close_frame(1001, "going down"))


def main(side, where, *conducts):
    host, _, port = where.rpartition(":")
    if side == "client":
        for conduct in conducts:
            globals()[conduct]((host, int(port)))
            time.sleep(0.1)
        return
    with socket.create_server((host, int(port))) as listener:
        for conduct in conducts:
            connection, _ = listener.accept()
            with connection:
                globals()[conduct](connection)
        time.sleep(20)


if __name__ == "__main__":
    main(*sys.argv[1:])
