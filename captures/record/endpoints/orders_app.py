"""An ASGI application for uvicorn, hypercorn and daphne: a WebSocket echo that takes orders, "close
CODE REASON" and "raise"."""


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise NotImplementedError(scope["type"])
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text") or ""
        if text == "raise":
            raise RuntimeError("the application failed")
        if text.startswith("close"):
            _, code, reason = (*text.split(" ", 2), "", "")[:3]
            await send({"type": "websocket.close", "code": int(code or 1000), "reason": reason})
            return
        await send({"type": "websocket.send", "text": text})
