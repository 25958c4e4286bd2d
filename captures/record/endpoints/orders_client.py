"""A client that closes with one code after the other: orders_client.py LIBRARY URL CODE...

LIBRARY is websockets, aiohttp or tornado; a CODE may be followed by a reason, as in "1001 bye", and
is `-` for whatever the library does when it is given none. A refused code is printed, and 1000 sent.
"""

import asyncio
import sys


async def close_websockets(url, code, reason):
    from websockets.asyncio.client import connect

    socket = await connect(url, close_timeout=3)
    await socket.send("hello")
    await socket.recv()
    await (socket.close() if code is None else socket.close(code, reason))
    print(code, "->", socket.close_code, socket.close_reason)


async def close_aiohttp(url, code, reason):
    import aiohttp

    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str("hello")
        await socket.receive()
        if code is None:
            await socket.close()
        else:
            await socket.close(code=code, message=reason.encode())
        print(code, "->", socket.close_code)


async def close_tornado(url, code, reason):
    from tornado.websocket import websocket_connect

    socket = await websocket_connect(url)
    await socket.write_message("hello")
    await socket.read_message()
    socket.close(code, reason or None)
    while await socket.read_message() is not None:
        pass
    print(code, "->", socket.close_code, socket.close_reason)


async def main(library, url, *orders):
    close = globals()[f"close_{library}"]
    for order in orders:
        code, _, reason = order.partition(" ")
        code = None if code == "-" else int(code)
        try:
            await asyncio.wait_for(close(url, code, reason), 6)
        except Exception as error:
            print("refused:", code, type(error).__name__, error)
        await asyncio.sleep(0.1)


asyncio.run(main(*sys.argv[1:]))
