"""An echo server on aiohttp: aiohttp_server.py PORT"""

import sys

from aiohttp import web


async def live(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


app = web.Application()
app.router.add_get("/live", live)
web.run_app(app, host="0.0.0.0", port=int(sys.argv[1]), print=None)
