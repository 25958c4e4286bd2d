"""An echo server on python-socketio: python_socketio_server.py PORT aiohttp|asgi [ORIGIN]

Under aiohttp, or as ASGI application under uvicorn. With an ORIGIN, no other is let in.
"""

import sys

import socketio
import uvicorn
from aiohttp import web

port, way, *origins = sys.argv[1:]
sio = socketio.AsyncServer(async_mode=way, cors_allowed_origins=origins or None)


@sio.event
async def chat(sid, text):
    await sio.emit("chat", text, to=sid)


if way == "aiohttp":
    app = web.Application()
    sio.attach(app)
    web.run_app(app, host="0.0.0.0", port=int(port), print=None)
else:
    uvicorn.run(socketio.ASGIApp(sio), host="0.0.0.0", port=int(port))
