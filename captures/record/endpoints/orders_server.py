"""An echo server that takes orders, on one of several libraries: orders_server.py LIBRARY PORT [JSON]

A message "close CODE REASON" has the server close so, "close" alone with an empty Close, "raise"
has its handler fail, "return" has it end, "stream" makes it send on until the WebSocket is
closed, "later SECONDS CODE REASON" makes it close then; not every library has all of them here.
The JSON holds options of the library. A code that the library refuses is printed, and it closes
with 4000 plus the last three digits instead.
"""

import asyncio
import json
import signal
import sys


def words_of(order):
    """Code and reason of an order to close; no code for an empty Close."""
    _, _, rest = order.partition(" ")
    code, _, reason = rest.partition(" ")
    return int(code) if code else None, reason


def instead(code, error):
    print("refused:", code, type(error).__name__, error, flush=True)
    return 4000 + code % 1000


async def serve_websockets(port, options):
    from websockets.asyncio.server import serve
    from websockets.exceptions import ConnectionClosed, ProtocolError

    async def handler(socket):
        async for message in socket:
            if message == "raise":
                raise RuntimeError("the handler failed")
            if message == "return":
                return
            if str(message).startswith("later"):
                _, seconds, code, reason = message.split(" ", 3)
                await asyncio.sleep(float(seconds))
                await socket.close(int(code), reason)
                return
            if message == "stream":
                try:
                    while True:
                        await socket.send("tick")
                        await asyncio.sleep(0.002)
                except ConnectionClosed:
                    return
            if not str(message).startswith("close"):
                await socket.send(message)
                continue
            code, reason = words_of(message)
            try:
                await socket.close(1000 if code is None else code, reason)
            except ProtocolError as error:
                await socket.close(instead(code, error), reason)

    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with serve(handler, "0.0.0.0", port, **options):
        await stop


async def serve_aiohttp(port, options):
    from aiohttp import web

    sockets = set()

    async def live(request):
        socket = web.WebSocketResponse(**options)
        await socket.prepare(request)
        sockets.add(socket)
        async for message in socket:
            if message.type not in (web.WSMsgType.TEXT, web.WSMsgType.BINARY):
                continue
            if message.data == "raise":
                raise RuntimeError("the handler failed")
            if message.data == "return":
                break
            if str(message.data).startswith("close"):
                code, reason = words_of(message.data)
                try:
                    await socket.close(code=1000 if code is None else code,
                                       message=reason.encode())
                except Exception as error:
                    await socket.close(code=instead(code, error), message=reason.encode())
            elif message.type is web.WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    async def on_shutdown(_app):
        """As aiohttp's documentation has it."""
        for socket in set(sockets):
            await socket.close(code=1001, message=b"Server shutdown")

    app = web.Application()
    app.router.add_get("/live", live)
    app.on_shutdown.append(on_shutdown)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    await stop
    await runner.cleanup()


async def serve_tornado(port, options):
    from tornado.web import Application
    from tornado.websocket import WebSocketHandler

    class Live(WebSocketHandler):
        def on_message(self, message):
            if message == "raise":
                raise RuntimeError("the handler failed")
            if not str(message).startswith("close"):
                self.write_message(message)
                return
            code, reason = words_of(message)
            try:
                self.close(code, reason or None)
            except Exception as error:
                self.close(instead(code, error), reason)

    Application([("/live.*", Live)], **options).listen(port, "0.0.0.0")
    await asyncio.Event().wait()


async def serve_autobahn(port, options):
    from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol

    class Live(WebSocketServerProtocol):
        def onMessage(self, payload, isBinary):
            message = "" if isBinary else payload.decode()
            if message == "raise":
                raise RuntimeError("the handler failed")
            if not message.startswith("close"):
                self.sendMessage(payload, isBinary)
                return
            code, reason = words_of(message)
            try:
                self.sendClose(code, reason or None)
            except Exception as error:
                self.sendClose(instead(code, error), reason)

    factory = WebSocketServerFactory()
    factory.protocol = Live
    factory.setProtocolOptions(**options)
    await asyncio.get_running_loop().create_server(factory, "0.0.0.0", port)
    await asyncio.Event().wait()


library, port, *more = sys.argv[1:]
asyncio.run(globals()[f"serve_{library}"](int(port), json.loads(more[0]) if more else {}))
