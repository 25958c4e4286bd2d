"""Clients that no library can be made to be: hand_made_client.py HOST:PORT CONDUCT

CONDUCT is the name of a function below; each gets the address to connect to.
"""

import base64
import os
import socket
import sys
import time

from hand_made import TEXT, close_frame, drain, frame, read_head, reset

RFC_SAMPLE_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


def request(*, method=b"GET", target=b"/live", version=b"13", key=None, upgrade=b"websocket",
            without=(), extra=()) -> bytes:
    fields = {
        b"Host": b"chat.example",
        b"Upgrade": upgrade,
        b"Connection": b"Upgrade",
        b"Sec-WebSocket-Key": key or base64.b64encode(os.urandom(16)),
        b"Sec-WebSocket-Version": version,
    }
    lines = [b"%s: %s" % pair for pair in fields.items() if pair[0] not in without]
    return b"\r\n".join((b"%s %s HTTP/1.1" % (method, target), *lines, *extra, b"", b""))


def ask(address, **parts):
    """Sends one request and shows the answer's first line; returns the connection."""
    connection = socket.create_connection(address, timeout=5)
    connection.sendall(request(**parts))
    print(read_head(connection).split(b"\r\n")[0].decode())
    return connection


def no_key(address):
    drain(ask(address, without=(b"Sec-WebSocket-Key",)), 1)


def version_99(address):
    drain(ask(address, version=b"99"), 1)


def version_8(address):
    connection = ask(address, version=b"8")
    connection.sendall(frame(TEXT, b"hello", os.urandom(4)))
    time.sleep(0.3)
    connection.sendall(close_frame(1000, "", os.urandom(4)))
    drain(connection, 1)


def connection_keep_alive(address):
    """What a middlebox before this capture leaves: Upgrade whole, Connection rewritten."""
    drain(ask(address, without=(b"Connection",), extra=(b"Connection: keep-alive",)), 1)


def two_keys(address):
    more = b"Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16))
    drain(ask(address, extra=(more,)), 1)


def short_key(address):
    drain(ask(address, key=b"c2hvcnQ="), 1)


def two_versions(address):
    drain(ask(address, extra=(b"Sec-WebSocket-Version: 13",)), 1)


def post(address):
    drain(ask(address, method=b"POST", extra=(b"Content-Length: 0",)), 1)


def through_forward_proxy(address):
    """Asks a forward proxy for the whole URL instead of a tunnel."""
    drain(ask(address, target=b"http://backend.example:8080/live"), 1)


def websocket_or_h2c(address):
    """Offers two protocols in two fields, as RFC 9110 (7.8) allows; the server picks one."""
    settings = b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"
    drain(ask(address, without=(b"Connection",),
              extra=(b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", settings)), 1)


def websocket_or_h2c_in_a_list(address):
    """The same in one field, which ws does not read as a list."""
    drain(ask(address, upgrade=b"websocket, h2c"), 1)


def engine_io_without_version(address):
    """An Engine.IO handshake without the parameter EIO."""
    drain(ask(address, target=b"/socket.io/?transport=websocket"), 1)


def same_key_again(address):
    """A device with one key for ever: opens, closes, and opens again."""
    key = base64.b64encode(os.urandom(16))
    for word in (b"first", b"second"):
        talk(ask(address, key=key), word)
        time.sleep(0.2)


def same_key_two_clients(address):
    """Two clients, each with an address of its own, use one key at one time."""
    key = base64.b64encode(os.urandom(16))
    clients = [
        socket.create_connection(address, timeout=5, source_address=(source, 0))
        for source in ("10.1.0.2", "10.1.0.3")
    ]
    for client in clients:
        client.sendall(request(key=key))
    for client in clients:
        read_head(client)
    for client, word in zip(clients, (b"from one", b"from the other"), strict=True):
        talk(client, word)


def talk(connection, word):
    """Says a word, hears it again, and closes with 1000."""
    connection.sendall(frame(TEXT, word, os.urandom(4)))
    connection.recv(100)
    connection.sendall(close_frame(1000, "", os.urandom(4)))
    drain(connection, 1)
    connection.close()


def unknown_session(address):
    target = b"/socket.io/?EIO=4&transport=websocket&sid=bogusSessionId000000"
    drain(ask(address, target=target), 1)


def sample_key_thrice(address):
    """Three probes at one time, all with the key printed in RFC 6455."""
    probes = [socket.create_connection(address, timeout=5) for _ in range(3)]
    for probe in probes:
        probe.sendall(request(key=RFC_SAMPLE_KEY))
    for probe in probes:
        read_head(probe)
        probe.sendall(close_frame(1000, "", os.urandom(4)))
    for probe in probes:
        drain(probe, 1)
        probe.close()
        time.sleep(0.1)


def ignore_pings(address):
    """Opens, says one thing, then reads and never answers a ping."""
    connection = ask(address)
    connection.sendall(frame(TEXT, b"hello", os.urandom(4)))
    drain(connection, 15)


def reset_after_a_word(address):
    """Opens, says one thing, and resets: RST without a Close."""
    connection = ask(address)
    connection.sendall(frame(TEXT, b"hello", os.urandom(4)))
    time.sleep(0.5)
    reset(connection)


def leave_after_a_word(address):
    """Opens, says one thing, and leaves: FIN without a Close."""
    connection = ask(address)
    connection.sendall(frame(TEXT, b"hello", os.urandom(4)))
    connection.recv(100)  # unread bytes would make it a RST
    time.sleep(0.5)
    connection.close()


def unmasked(address):
    """Sends a frame without the mask that every client owes."""
    connection = ask(address)
    connection.sendall(frame(TEXT, b"hello"))
    drain(connection, 2)


host, _, port = sys.argv[1].rpartition(":")
globals()[sys.argv[2]]((host, int(port)))
