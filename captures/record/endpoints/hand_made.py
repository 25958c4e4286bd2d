"""Just enough of RFC 6455 over a plain socket for the two hand-made endpoints."""

import base64
import hashlib
import socket
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE = 0x1, 0x8


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(4096)
        if not more:
            raise SystemExit("the peer closed before the end of the head")
        head += more
    return head


def field(head: bytes, name: str) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name.lower().encode():
            return value.strip()
    return b""


def accept_for(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def switching(key: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((
        b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept_for(key), *fields, b"", b"",
    ))


def frame(opcode: int, payload: bytes = b"", mask: bytes = b"") -> bytes:
    """A final frame of up to 125 bytes; `mask` is the client's four bytes."""
    head = bytes((0x80 | opcode, len(payload) | (0x80 if mask else 0)))
    if mask:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + mask + payload


def close_frame(code: int, reason: str = "", mask: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode(), mask)


def drain(connection: socket.socket, seconds: float) -> None:
    """Reads and forgets until the peer closes or has been quiet for `seconds`."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except (TimeoutError, ConnectionError):
        pass


def reset(connection: socket.socket) -> None:
    """Closes with RST: SO_LINGER with a time of 0."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
