"""More servers and frameworks as `Program`s, and curl as a client that asks for anything at all."""

import base64
import dataclasses
import hashlib
import json
import pathlib
import shlex

from software import ENDPOINTS, INSTALLED, PORT, UPGRADE, nginx, node, python
from stage import BACKEND, Program

# ---- a client that asks wrongly -------------------------------------------------------------------

# What a request has, and what one of a given kind has instead; None takes the field away.
WHOLE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
WRONG = {
    "whole": {},
    "no_key": {"Sec-WebSocket-Key": None},
    "short_key": {"Sec-WebSocket-Key": "c2hvcnQ="},
    "no_version": {"Sec-WebSocket-Version": None},
    "version_99": {"Sec-WebSocket-Version": "99"},
    "commas": {"Sec-WebSocket-Protocol": ",,"},
    "unknown_protocol": {"Sec-WebSocket-Protocol": "no-such-thing"},
    "no_upgrade": {"Upgrade": None},
    "no_connection": {"Connection": None},
    "keep_alive": {"Connection": "keep-alive"},
    "evil": {"Origin": "https://evil.example"},
}


def asking(*ways: str, at: str = "chat.example:8080", path: str = "/live", **fields) -> Program:
    """curl, one request after another, each on a connection of its own. A way is a name of WRONG,
    `two_keys`, `post` or `http10`, followed by a path if it is not `path`."""
    lines = []
    for number, way in enumerate(ways):
        name, _, target = way.partition(" ")
        key = base64.b64encode(hashlib.md5(f"{number} {way}".encode()).digest()).decode()
        request = {**WHOLE, "Sec-WebSocket-Key": key, **fields, **WRONG.get(name, {})}
        argv = ["curl", "--silent", "--show-error", "--include", "--max-time", "3"]
        argv += ["--http1.0" if name == "http10" else "--http1.1"]
        argv += ["--request", "POST"] if name == "post" else []
        for field, value in request.items():
            argv += [] if value is None else ["--header", f"{field}: {value}"]
        if name == "two_keys":
            argv += ["--header", f"Sec-WebSocket-Key: {key[::-1].strip('=')}=="]
        lines.append(shlex.join([*argv, f"http://{at}{target or path}"]))
    return Program(["sh", "-c", "; sleep 0.1; ".join(lines)], (), {}, "curl 7.88.1")


# ---- nginx that strips in several ways ------------------------------------------------------------

_PASS = f"proxy_pass http://{BACKEND}:{PORT};"
# By a part of the path: what nginx says of WebSocket there. Any other path: nothing.
STRIPPER = nginx(server=f"""
    location ~ /version {{ proxy_http_version 1.1; {_PASS} }}
    location ~ /no-connection {{
      proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; {_PASS} }}
    location ~ /no-upgrade {{
      proxy_http_version 1.1; proxy_set_header Connection "upgrade"; {_PASS} }}
    location ~ /http10 {{ {UPGRADE.replace("1.1", "1.0")} {_PASS} }}
""")


def nodes(*ports: int) -> Program:
    """nginx as it should be, in front of several nodes in turn: not sticky."""
    servers = " ".join(f"server {BACKEND}:{port};" for port in ports)
    return nginx(UPGRADE, to="proxy_pass http://app;", http=f"upstream app {{ {servers} }}")


# ---- Python ---------------------------------------------------------------------------------------

def autobahn(*origins: str) -> Program:
    return Program(python("autobahn_server.py", str(PORT), *origins), (PORT,), {},
                   "autobahn 26.10.2")


def starlette(ws: str = "auto") -> Program:
    """Starlette under uvicorn, with one of uvicorn's WebSocket implementations, or without any."""
    argv = [str(INSTALLED / "python" / "bin" / "python"), "-m", "uvicorn", "--app-dir",
            str(ENDPOINTS), "--host", "0.0.0.0", "--port", str(PORT), "--ws", ws]
    label = {"auto": "websockets 17.4", "websockets": "websockets 17.4 (its legacy server)",
             "wsproto": "wsproto 1.3.2", "none": "no library"}
    return Program([*argv, "starlette_app:app"], (PORT,), {},
                   f"starlette 1.10.0 under uvicorn 0.54.0 with {label[ws]}")


def channels() -> Program:
    """Django Channels under daphne."""
    argv = [str(INSTALLED / "python-channels" / "bin" / "python"), "-m", "daphne", "-b", "0.0.0.0",
            "-p", str(PORT), "channels_app:app"]
    return Program(["env", f"PYTHONPATH={ENDPOINTS}", *argv], (PORT,), {},
                   "channels 4.3.2 under daphne 4.2.3")


def python_socketio(way: str, *origins: str) -> Program:
    """Under `aiohttp`, or as `asgi` application under uvicorn."""
    under = {"aiohttp": "aiohttp 3.14.5", "asgi": "uvicorn 0.54.0"}[way]
    return Program(python("python_socketio_server.py", str(PORT), way, *origins), (PORT,), {},
                   f"python-engineio 4.15.1 under {under}")


def hypercorn() -> Program:
    """Starlette under hypercorn."""
    argv = [str(INSTALLED / "python-more" / "bin" / "python"), "-m", "hypercorn", "--bind",
            f"0.0.0.0:{PORT}", "starlette_app:app"]
    return Program(["env", f"PYTHONPATH={ENDPOINTS}", *argv], (PORT,), {},
                   "starlette 1.10.0 under hypercorn 0.18.0")


def flask_sock() -> Program:
    return Program(python("flask_sock_server.py", str(PORT), venv="python-more"), (PORT,), {},
                   "flask-sock 0.7.0")


def gevent() -> Program:
    return Program(python("gevent_server.py", str(PORT), venv="python-more"), (PORT,), {},
                   "gevent-websocket 0.10.1")


# ---- Node -----------------------------------------------------------------------------------------

def socketio_with(port: int = PORT, **options) -> Program:
    """socket.io 4; `endpoints/socketio_server.js` tells the options."""
    return Program(node("socketio_server.js", str(port), "4", json.dumps(options)), (port,), {},
                   "socket.io 4.8.4")


def sockjs() -> Program:
    return Program(node("sockjs_server.js", str(PORT)), (PORT,), {}, "sockjs 0.3.24")


def sockjs_client(url: str = "http://chat.example/echo") -> Program:
    return Program(node("sockjs_client.js", url), (), {}, "sockjs-client 1.6.1")


def vite() -> Program:
    program = Program(node("vite_server.mjs", str(PORT)), (PORT,),
                      {"index.html": "<!doctype html><title>chat</title>\n"}, "vite 8.3.8")
    there = f"cd {{dir}} && {shlex.join(program.argv)}"
    return dataclasses.replace(program, argv=["sh", "-c", there])


# ---- compiled by setup.sh -------------------------------------------------------------------------

def _compiled(name: str, label: str) -> Program:
    return Program([str(INSTALLED / "bin" / name), str(PORT)], (PORT,), {}, label)


def gorilla() -> Program:
    return _compiled("gorilla", "gorilla/websocket 1.5.0")


def nhooyr() -> Program:
    return _compiled("nhooyr", "nhooyr.io/websocket 1.8.7")


def beast() -> Program:
    return _compiled("beast", "Boost.Beast 1.74")


def axum() -> Program:
    return _compiled("axum", "axum 0.8.4")


def actix() -> Program:
    return _compiled("actix", "actix-web 4.11.0")


def _java(name: str, label: str, *jars: str) -> Program:
    """`jars` are the beginnings of names in Debian's folder of them."""
    path = [str(INSTALLED / "bin" / "java")]
    for beginning in jars:
        path += [str(jar) for jar in sorted(pathlib.Path("/usr/share/java").glob(f"{beginning}*"))]
    return Program(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir={dir}",
                    "-cp", ":".join(path), name, str(PORT)], (PORT,), {}, label)


def tomcat() -> Program:
    return _java("TomcatServer", "Tomcat 10.1.60", "tomcat10-")


def jetty() -> Program:
    return _java("JettyServer", "Jetty 9.4.57", "jetty9-", "servlet-api.jar")


def netty() -> Program:
    return _java("NettyServer", "Netty 4.1.48", "netty-")


def netty_of_selenium() -> Program:
    """The Netty that the server of Selenium 4.20 brings along."""
    jar = INSTALLED.joinpath("node", "node_modules", "@nightwatch", "selenium-server", "lib",
                             "selenium-server-4.20.0.jar")
    program = _java("NettyServer", "Netty 4.1.109")
    argv = [f"{word}:{jar}" if word.endswith("/java") else word for word in program.argv]
    return dataclasses.replace(program, argv=argv)


# ---- Erlang, Ruby, C ------------------------------------------------------------------------------

def cowboy() -> Program:
    """The cowboy that comes with RabbitMQ, by itself."""
    plugins = next(iter(pathlib.Path("/usr/lib/rabbitmq/lib").glob("*/plugins")))
    argv = ["erl", "-noshell", "-pa", str(INSTALLED / "bin")]
    for library in ("cowboy", "cowlib", "ranch"):
        argv += ["-pa", *map(str, plugins.glob(f"{library}-*/ebin"))]
    return Program([*argv, "-run", "cowboy_server", "main", str(PORT)], (PORT,), {},
                   "cowboy 2.8.0")


def actioncable() -> Program:
    argv = ["puma", "--bind", f"tcp://0.0.0.0:{PORT}", str(ENDPOINTS / "cable.ru")]
    return Program(argv, (PORT,), {}, "ActionCable 6.1.7 under puma 5.6.5")


def mosquitto() -> Program:
    config = f"listener 1883\nlistener {PORT}\nprotocol websockets\nallow_anonymous true\n"
    return Program(["mosquitto", "-c", "{dir}/mosquitto.conf"], (PORT,),
                   {"mosquitto.conf": config}, "mosquitto 2.0.11 with libwebsockets 4.1.6")
