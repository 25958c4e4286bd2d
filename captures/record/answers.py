"""Recordings of what servers and frameworks answer: asked by half, asked wrongly, not let in."""

from scenario import HELLO, behind, direct
from scenarios import RIGHT
from servers import (
    STRIPPER, actioncable, actix, asking, autobahn, axum, beast, channels, cowboy, flask_sock,
    gevent, gorilla, hypercorn, jetty, mosquitto, netty, netty_of_selenium, nhooyr, nodes,
    python_socketio, socketio_with, sockjs, sockjs_client, starlette, tomcat, vite,
)
from software import (
    HOST, UPGRADE, UPSTREAM_LEG, aiohttp, nginx, socketio_client, tornado, websocket_node,
    websockets, ws, ws_client,
)
from stage import Program

WS = "ws://chat.example"
EIO = "/socket.io/?EIO=4&transport=websocket"


def at(*paths: str, **plan) -> Program:
    """ws at one path after the other, through the proxy."""
    return ws_client(" ".join(f"{WS}{path}" for path in paths), **{**HELLO, **plan})


def straight(*paths: str, **plan) -> Program:
    """The same without a proxy."""
    return ws_client(" ".join(f"{WS}:8080{path}" for path in paths), **{**HELLO, **plan})


NODE = [
    direct("handshake/refused_ws", ws(server={"path": "/live"}),
           client=asking("whole /elsewhere", "post", "short_key", "no_version", "commas")),
    direct("handshake/refused_socketio4", socketio_with(transports=["polling"]),
           client=asking("whole", path=EIO)),
    direct("handshake/refused_requests_socketio4", socketio_with(),
           client=asking(f"whole {EIO}&sid=unknown", "post", "evil /socket.io/?EIO=4", path=EIO)),
    direct("handshake/refused_by_the_app_socketio4", socketio_with(refuse=True),
           client=socketio_client(4, "websocket", url="http://chat.example:8080")),
    direct("handshake/refused_vite", vite(), client=straight("/", protocols=["vite-hmr"])),
    direct("handshake/refused_websocket_node", websocket_node(),
           client=straight("/elsewhere", "/private")),
    behind(nginx(), "handshake/stripped_by_nginx_default_address_of_a_poll", socketio_with(),
           client=at("/socket.io/?EIO=3&transport=polling")),
    behind(nginx(), "handshake/stripped_by_nginx_default_poll_refused", socketio_with(refuse=True),
           client=at("/socket.io/?EIO=4&transport=polling")),
    behind(nginx(), "handshake/fell_back_to_polling_socketio4", socketio_with(),
           client=socketio_client(4)),
    behind(nginx(), "handshake/fell_back_to_polling_sockjs", sockjs(), client=sockjs_client()),
    behind(STRIPPER, "handshake/stripped_by_nginx_sockjs", sockjs(),
           client=at("/echo/000/abc/websocket", "/echo/000/no-connection/websocket")),
    direct("handshake/sockjs_base_url", sockjs(), client=straight("/echo")),
    direct("handshake/ok_sockjs", sockjs(), client=sockjs_client("http://chat.example:8080/echo")),
    behind(nodes(8080, 8081, 8082), "handshake/session_on_another_node_socketio4",
           socketio_with(), socketio_with(8081), socketio_with(8082), client=socketio_client(4)),
]

PYTHON = [
    behind(STRIPPER, "handshake/stripped_by_nginx_autobahn", autobahn(),
           client=at("/live", "/live/version", "/live/no-connection", "/live/no-upgrade")),
    direct("handshake/refused_autobahn", autobahn("https://chat.example:443"),
           client=asking("evil", "short_key", "no_key", "version_99", "no_version",
                         Origin="https://chat.example")),
    direct("handshake/ok_autobahn", autobahn()),
    direct("handshake/refused_websockets17", websockets("--subprotocol", "chat"),
           client=asking("whole", "two_keys", "short_key", "version_99", "no_version")),
    behind(nginx(), "handshake/stripped_by_nginx_websockets15_upstream_leg_only",
           websockets(version=15), capture=UPSTREAM_LEG),
    direct("handshake/refused_aiohttp", aiohttp(),
           client=asking("version_99", "no_key", "short_key")),
    direct("handshake/refused_tornado", tornado(), client=asking("no_key", "no_version")),
    behind(STRIPPER, "handshake/stripped_by_nginx_connection_unset_tornado", tornado(),
           client=at("/live/no-connection")),
    direct("handshake/refused_starlette", starlette(),
           client=straight("/private", "/elsewhere")),
    direct("handshake/refused_starlette_legacy", starlette("websockets"),
           client=straight("/private")),
    direct("handshake/refused_starlette_wsproto", starlette("wsproto"),
           client=asking("whole /private", "version_99", "no_key")),
    direct("handshake/refused_uvicorn_without_library", starlette("none")),
    direct("handshake/ok_starlette", starlette()),
    direct("handshake/refused_channels", channels(), client=straight("/private", "/elsewhere")),
    direct("handshake/refused_requests_channels", channels(),
           client=asking("version_99", "no_key")),
    behind(STRIPPER, "handshake/stripped_by_nginx_channels", channels(),
           client=at("/live", "/live/version", "/live/no-connection")),
    direct("handshake/ok_channels", channels()),
    behind(nginx(), "handshake/stripped_by_nginx_default_python_socketio",
           python_socketio("aiohttp"), client=socketio_client(4, "websocket")),
    direct("handshake/refused_python_socketio", python_socketio("aiohttp"),
           client=asking(f"whole {EIO}&sid=unknown", "evil", f"whole {EIO.replace('4', '3')}",
                         path=EIO)),
    direct("handshake/refused_python_socketio_asgi", python_socketio("asgi"),
           client=asking(f"whole {EIO}&sid=unknown", "evil", f"whole {EIO.replace('4', '3')}",
                         path=EIO)),
    behind(RIGHT, "handshake/socketio_2_client_python_server", python_socketio("aiohttp"),
           client=socketio_client(2, "websocket")),
    direct("handshake/ok_python_socketio", python_socketio("asgi"),
           client=socketio_client(4, "websocket", url="http://chat.example:8080")),
]

# Each of these stands behind nginx in five wrong ways, is asked wrongly, and opens.
STRIPPED = tuple(f"/live/{way}" for way in
                 ("plain", "version", "no-connection", "no-upgrade", "http10"))
WRONGLY = ("no_key", "version_99", "no_version", "post")


def family(name: str, server: Program, *ways: str) -> list:
    return [
        behind(STRIPPER, f"handshake/stripped_by_nginx_{name}", server, client=at(*STRIPPED)),
        direct(f"handshake/refused_{name}", server,
               client=asking(*ways, path="/live/one")),
        direct(f"handshake/ok_{name}", server, client=straight("/live/one")),
    ]


GO = [
    *family("gorilla", gorilla(), "evil", *WRONGLY, "whole /wrapped"),
    *family("nhooyr", nhooyr(), "evil", *WRONGLY),
]
MORE_PYTHON = [
    *family("hypercorn", hypercorn(), *WRONGLY, "whole /private"),
    *family("flask_sock", flask_sock(), *WRONGLY),
    direct("handshake/refused_gevent", gevent(), client=asking(*WRONGLY, path="/live/one")),
    direct("handshake/ok_gevent", gevent(), client=straight("/live/one", close=[1000])),
    behind(STRIPPER, "handshake/stripped_by_nginx_uvicorn", starlette(), client=at(*STRIPPED)),
    behind(STRIPPER, "handshake/stripped_by_nginx_uvicorn_wsproto", starlette("wsproto"),
           client=at(*STRIPPED)),
    behind(STRIPPER, "handshake/stripped_by_nginx_version_only_autobahn", autobahn("-"),
           client=at("/live/version")),
]
RUST = [
    *family("axum", axum(), "no_key", "version_99", "post"),
    *family("actix", actix(), "no_key", "short_key", "version_99", "no_version", "post"),
]
CPP = family("beast", beast(), *WRONGLY)
JAVA = [
    *family("tomcat", tomcat(), "no_key", "short_key", "version_99", "no_version", "post"),
    *family("jetty", jetty(), *WRONGLY),
    *family("netty", netty(), "no_key", "version_99"),
    *family("netty_4_1_109", netty_of_selenium(), "no_key", "version_99"),
]
ERLANG = family("cowboy", cowboy(), *WRONGLY)
RUBY = [
    behind(STRIPPER, "handshake/stripped_by_nginx_actioncable", actioncable(),
           client=at(*STRIPPED, options={"origin": "http://chat.example"})),
    direct("handshake/refused_actioncable", actioncable(), client=asking("evil", "whole")),
    behind(nginx(UPGRADE + HOST, tls=True), "handshake/refused_actioncable_scheme_hidden",
           actioncable(), client=ws_client("wss://chat.example/live",
                                           options={"origin": "https://chat.example"})),
    direct("handshake/ok_actioncable", actioncable(),
           client=straight("/live", options={"origin": "http://chat.example:8080"},
                           protocols=["actioncable-v1-json"])),
]
MQTT = {"protocols": ["mqtt"], "say": [], "close": [1000]}
C = [
    behind(STRIPPER, "handshake/stripped_by_nginx_mosquitto", mosquitto(),
           client=at(*STRIPPED, **MQTT)),
    behind(nginx("proxy_http_version 1.1; proxy_set_header Upgrade $connection_upgrade;"
                 "proxy_set_header Connection $connection_upgrade;"),
           "handshake/stripped_by_nginx_upgrade_typo_mosquitto", mosquitto(),
           client=at("/live", **MQTT)),
    direct("handshake/refused_mosquitto", mosquitto(), client=asking("unknown_protocol")),
    direct("handshake/ok_mosquitto", mosquitto(), client=straight("/live", **MQTT)),
]

ANSWERS = NODE + PYTHON + MORE_PYTHON + GO + RUST + CPP + JAVA + ERLANG + RUBY + C
