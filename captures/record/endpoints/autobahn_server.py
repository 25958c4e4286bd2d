"""An echo server on autobahn over asyncio: autobahn_server.py PORT [ORIGIN]

With an ORIGIN, no other is let in; the ORIGIN `-` switches the status page off.
"""

import asyncio
import sys

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class Live(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


async def main(port, *origins):
    factory = WebSocketServerFactory()
    factory.protocol = Live
    if origins == ("-",):
        factory.setProtocolOptions(webStatus=False)
    elif origins:
        factory.setProtocolOptions(allowedOrigins=list(origins))
    await asyncio.get_running_loop().create_server(factory, "0.0.0.0", int(port))
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
