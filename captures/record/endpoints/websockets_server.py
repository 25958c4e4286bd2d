"""An echo server on Python `websockets`, 12.0 or newer.

websockets_server.py PORT [--origin O] [--subprotocol P] [--ping SECONDS] [--no-deflate] [--fail]
                     [--anonymous]

A message "close CODE REASON" or "raise" is an order; all else is echoed.
"""

import argparse
import asyncio
import signal

import websockets

try:
    from websockets.asyncio.server import serve
except ImportError:
    from websockets.server import serve


async def handler(socket, *_path):
    async for message in socket:
        order, *words = message.split(" ") if isinstance(message, str) else [""]
        if order == "close":
            await socket.close(int(words[0]), " ".join(words[1:]))
        elif order == "raise":
            raise RuntimeError("the handler failed")
        else:
            await socket.send(message)


def fail(*_request):
    raise RuntimeError("process_request failed")


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("--origin", action="append")
    arguments.add_argument("--subprotocol", action="append")
    arguments.add_argument("--ping", type=float, default=20)
    arguments.add_argument("--no-deflate", action="store_true")
    arguments.add_argument("--fail", action="store_true", help="break in process_request")
    arguments.add_argument("--anonymous", action="store_true", help="send no Server field")
    chosen = arguments.parse_args()

    print("websockets", websockets.__version__)
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with serve(
        handler, "0.0.0.0", chosen.port,
        origins=chosen.origin, subprotocols=chosen.subprotocol,
        ping_interval=chosen.ping, ping_timeout=chosen.ping,
        process_request=fail if chosen.fail else None,
        compression=None if chosen.no_deflate else "deflate",
        **({"server_header": None} if chosen.anonymous else {}),
    ):
        await stop


asyncio.run(main())
