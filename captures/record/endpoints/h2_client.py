"""A WebSocket over HTTP/2 (RFC 8441) without TLS: h2_client.py HOST:PORT"""

import os
import socket
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings

from hand_made import TEXT, close_frame, frame

host, _, port = sys.argv[1].rpartition(":")
tcp = socket.create_connection((host, int(port)), timeout=5)
http2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
http2.initiate_connection()
tcp.sendall(http2.data_to_send())
stream = 1
asked = False
done = False
while not done:
    data = tcp.recv(65536)
    if not data:
        break
    for event in http2.receive_data(data):
        print(event)
        if isinstance(event, h2.events.RemoteSettingsChanged) and not asked:
            asked = True
            http2.send_headers(stream, [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
                (":path", "/live"), (":authority", host), ("sec-websocket-version", "13"),
            ])
        elif isinstance(event, h2.events.ResponseReceived):
            http2.send_data(stream, frame(TEXT, b"hello", os.urandom(4)))
        elif isinstance(event, h2.events.DataReceived):
            http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.data[:1] == b"\x88":
                done = True
            else:
                http2.send_data(stream, close_frame(1000, "", os.urandom(4)))
        elif isinstance(event, (h2.events.StreamReset, h2.events.StreamEnded)):
            done = True
    tcp.sendall(http2.data_to_send())
http2.close_connection()
tcp.sendall(http2.data_to_send())
tcp.close()
