"""An echo server on tornado, whose default is to check the Origin: tornado_server.py PORT"""

import asyncio
import sys

from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Live(WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)


async def main():
    Application([("/live.*", Live)]).listen(int(sys.argv[1]), "0.0.0.0")
    await asyncio.Event().wait()


asyncio.run(main())
