"""A Starlette application: an echo on /live, and /private, which closes before it accepts."""

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect


async def live(socket):
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


async def private(socket):
    await socket.close()


app = Starlette(routes=[
    WebSocketRoute("/live", live), WebSocketRoute("/live/{how}", live),
    WebSocketRoute("/private", private),
])
