"""Python `websockets` as the client: websockets_client.py URL [MESSAGE...]

Sends each message, waits for its echo, and closes with 1000.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException


async def main(url, *messages):
    try:
        async with connect(url, open_timeout=5) as socket:
            for message in messages:
                await socket.send(message)
                await socket.recv()
    except (WebSocketException, ConnectionClosed, OSError) as error:
        print(type(error).__name__, error)


asyncio.run(main(*sys.argv[1:]))
