"""Python `websockets` as a client that pings: websockets_keepalive_client.py URL SECONDS

Says hello, listens, and closes with 1011 when a ping has gone unanswered for SECONDS.
"""

import asyncio
import sys

from websockets.asyncio.client import connect


async def main(url, seconds):
    every = float(seconds)
    async with connect(url, ping_interval=every, ping_timeout=every, close_timeout=2) as socket:
        await socket.send("hello")
        async for _ in socket:
            pass


try:
    asyncio.run(main(*sys.argv[1:]))
except Exception as error:  # told in the log, where the recorder shows it
    print(type(error).__name__, error)
