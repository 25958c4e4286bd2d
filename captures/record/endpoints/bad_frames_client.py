"""Breaks the rules of framing in one way after the other: bad_frames_client.py HOST:PORT WAY...

Each WAY is a name of WAYS and gets a WebSocket of its own: a hello, the echo, the bad bytes. What
the server closes with is printed and echoed, as a client should.
"""

import os
import struct
import sys
import time

from closing_by_hand import handshake
from hand_made import TEXT, frame

CLOSE = 8


def raw(first, payload=b"", *, length=None, masked=True):
    """A frame with any first byte, and with any spelling of its length."""
    mask = os.urandom(4) if masked else b""
    if length is None:
        length = bytes((len(payload),)) if len(payload) < 126 else b"\x7e" + struct.pack(
            "!H", len(payload))
    length = bytes((length[0] | (0x80 if masked else 0),)) + length[1:]
    if masked:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes((first,)) + length + mask + payload


def closing(code, reason=b""):
    return raw(0x80 | CLOSE, struct.pack("!H", code) + reason)


WAYS = {
    "unmasked": raw(0x81, b"bare", masked=False),
    "rsv1": raw(0xC1, b"as if deflated"),
    "rsv2": raw(0xA1, b"rsv2"),
    "rsv3": raw(0x91, b"rsv3"),
    "opcode_3": raw(0x83, b"reserved"),
    "opcode_11": raw(0x8B, b"reserved"),
    "ping_in_parts": raw(0x09, b"half a ping"),
    "long_ping": raw(0x89, bytes(126)),
    "continuation": raw(0x80, b"of nothing"),
    "text_in_text": raw(0x01, b"first") + raw(0x81, b"second"),
    "long_length": raw(0x81, b"tiny", length=b"\x7e\x00\x04"),
    "huge_length": raw(0x82, b"", length=b"\x7f\x80\x00\x00\x00\x00\x00\x00\x01"),
    "bad_utf8": raw(0x81, b"caf\xe9"),
    "bad_utf8_in_parts": raw(0x01, b"caf\xc3") + raw(0x80, b"("),
    "cut_utf8": raw(0x81, b"caf\xc3"),
    "close_of_one_byte": raw(0x88, b"\x03"),
    "close_bad_utf8": closing(1000, b"caf\xe9"),
    "close_1004": closing(1004),
    "close_1005": closing(1005),
    "close_1006": closing(1006),
    "close_1012": closing(1012),
    "close_1013": closing(1013),
    "close_1014": closing(1014),
    "close_1015": closing(1015),
    "close_1016": closing(1016),
    "close_2999": closing(2999),
    "close_999": closing(999),
    "close_5000": closing(5000),
    "close_0": closing(0),
}


def read_frames(connection):
    """What the server sends, frame by frame, until it ends TCP."""
    buffer = b""
    while True:
        while len(buffer) >= 2:
            length, start = buffer[1] & 0x7F, 2
            if length == 126 and len(buffer) >= 4:
                length, start = struct.unpack("!H", buffer[2:4])[0], 4
            if len(buffer) < start + length:
                break
            yield buffer[0] & 0x0F, buffer[start:start + length]
            buffer = buffer[start + length:]
        try:
            more = connection.recv(4096)
        except (TimeoutError, ConnectionError) as error:
            print("   ", type(error).__name__)
            return
        if not more:
            return
        buffer += more


def main(where, *ways):
    host, _, port = where.rpartition(":")
    for way in ways:
        connection = handshake((host, int(port)))
        connection.settimeout(3)
        connection.sendall(frame(TEXT, b"hello", os.urandom(4)))
        is_bad = False
        for opcode, payload in read_frames(connection):
            if opcode == CLOSE:
                print(way, "->", payload)
                if not way.startswith("close"):
                    try:
                        connection.sendall(raw(0x88, payload))
                    except ConnectionError:
                        break
            elif not is_bad:
                is_bad = True
                connection.sendall(WAYS[way])
        print(way, "ended")
        connection.close()
        time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
