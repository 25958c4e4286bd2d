"""Recordings of how WebSockets are closed: every code that real software sends, told to or by itself."""

import dataclasses
import json
import os
import shlex
import signal
import time

from proxies import caddy
from scenario import Scenario, behind, direct
from servers import beast, cowboy, jetty, tomcat
from software import (
    ENDPOINTS, INSTALLED, PORT, UPGRADE, apache, hand_made, haproxy, nginx, node, python, tcpdump,
    ws,
)
from stage import BACKEND, Program, Stage

URL = "ws://chat.example/live"
STRAIGHT = "ws://chat.example:8080/live"
PROXIES = {
    "nginx": nginx(UPGRADE),
    "haproxy": haproxy(),
    "apache": apache(f"ProxyPass / http://{BACKEND}:{PORT}/ upgrade=websocket"),
}


# ---- endpoints that take orders -----------------------------------------------------------------

def steps(*each: dict, url: str = STRAIGHT) -> Program:
    """npm `ws` as the client of one WebSocket after the other; `endpoints/orders_client.js`."""
    return Program(node("orders_client.js", url, json.dumps(each)), (), {}, "ws 8.23.0")


def orders(*each: str, url: str = STRAIGHT) -> Program:
    """The same, which tells the server what to do."""
    return steps(*({"order": order} for order in each), url=url)


def closing_client(library: str, *codes: str, url: str = STRAIGHT) -> Program:
    label = {"websockets": "websockets 17.4", "aiohttp": "aiohttp 3.14.5",
             "tornado": "tornado 6.6.1"}[library]
    return Program(python("orders_client.py", library, url, *codes), (), {}, label)


def taking_orders(library: str, port: int = PORT, **options) -> Program:
    """A Python library that closes as it is told; `endpoints/orders_server.py`."""
    label = {"websockets": "websockets 17.4", "aiohttp": "aiohttp 3.14.5",
             "tornado": "tornado 6.6.1", "autobahn": "autobahn 26.10.2"}[library]
    return Program(python("orders_server.py", library, str(port), json.dumps(options)), (port,),
                   {}, label)


def compiled(name: str, limit: int | None = None, port: int = PORT) -> Program:
    label = {"gorilla": "gorilla/websocket 1.5.0", "nhooyr": "nhooyr.io/websocket 1.8.7",
             "tungstenite": "tungstenite 0.26.2"}[name]
    argv = [str(INSTALLED / "bin" / f"{name}_orders"), str(port)]
    return Program([*argv, str(limit)] if limit else argv, (port,), {}, label)


def asgi(server: str, port: int = PORT, *more: str) -> Program:
    """`endpoints/orders_app.py` under one of the ASGI servers, uvicorn with any of its libraries."""
    name, _, library = server.partition(" ")
    venv = {"daphne": "python-channels", "hypercorn": "python-more"}.get(name, "python")
    argv = [str(INSTALLED / venv / "bin" / "python"), "-m", name]
    argv += {
        "uvicorn": ["--host", "0.0.0.0", "--port", str(port), "--ws", library],
        "hypercorn": ["--bind", f"0.0.0.0:{port}"],
        "daphne": ["-b", "0.0.0.0", "-p", str(port)],
    }[name]
    label = {"uvicorn auto": "uvicorn 0.54.0 with websockets 17.4",
             "uvicorn websockets": "uvicorn 0.54.0 with websockets 17.4 (its legacy server)",
             "uvicorn wsproto": "uvicorn 0.54.0 with wsproto 1.3.2",
             "hypercorn": "hypercorn 0.18.0", "daphne": "daphne 4.2.3"}[server]
    return Program(["env", f"PYTHONPATH={ENDPOINTS}", *argv, *more, "orders_app:app"], (port,), {},
                   label)


def socketio(limit: int) -> Program:
    options = json.dumps({"maxHttpBufferSize": limit})
    return Program(node("socketio_server.js", str(PORT), "4", options), (PORT,), {},
                   "socket.io 4.8.4")


def bad_frames(*ways: str, at: str = "chat.example:8080") -> Program:
    return Program(python("bad_frames_client.py", at, *ways), (), {}, "hand-made endpoint")


def by_hand(side: str, *conducts: str, at: str) -> Program:
    ports = (int(at.rpartition(":")[2]),) if side == "server" else ()
    return Program(python("closing_by_hand.py", side, at, *conducts), ports, {},
                   "hand-made endpoint")


def gateway(**options) -> Program:
    """npm `ws` on both sides; `endpoints/gateway.js`."""
    argv = node("gateway.js", "80", f"ws://{BACKEND}:{PORT}", json.dumps(options))
    return Program(argv, (80,), {}, "a gateway on ws 8.23.0")


def on_port(program: Program, port: int) -> Program:
    """Another port for a server whose command line ends in it."""
    return dataclasses.replace(program, argv=[*program.argv[:-1], str(port)], ports=(port,))


# ---- every code, told to ------------------------------------------------------------------------

REASONS = {
    1000: "done", 1001: "going away", 1002: "bad frame", 1003: "text only", 1007: "not UTF-8",
    1008: "no token", 1009: "too big", 1010: "permessage-deflate", 1011: "unexpected condition",
    1012: "service restart", 1013: "try again later", 1014: "bad gateway", 3000: "unauthorized",
    4001: "kicked",
}
LEGAL = [f"close {code} {reason}" for code, reason in REASONS.items()]
LEGAL.insert(4, "close")
# What the longest Close holds, and one that is not ASCII.
LONG = ["close 4002 " + "because " * 15 + "it", "close 4003 größer als erlaubt"]
RESERVED = [1004, 1005, 1006, 1015, 1016, 2999, 5000]
SOME = ["close", *(f"close {code} {REASONS[code]}" for code in (1001, 1003, 1010, 1012, 1013, 1014)),
        *(f"close {code}" for code in RESERVED)]
BY_CLIENT = [{"close": [code, reason]} for code, reason in REASONS.items()]
BY_CLIENT.insert(4, {"close": []})
CLIENT_CODES = ["-", *(f"{code} {REASONS[code]}" for code in (1001, 1003, 1010, 1012, 1013, 1014)),
                *map(str, RESERVED)]
ECHOES = {"nginx": taking_orders("websockets"), "haproxy": taking_orders("aiohttp"),
          "apache": taking_orders("tornado")}

CODES = [
    *(behind(proxy, f"close/codes_by_server_{name}", ws(), client=orders(*LEGAL, url=URL))
      for name, proxy in PROXIES.items()),
    direct("close/codes_by_server_direct", ws(), client=orders(*LEGAL, *LONG)),
    *(behind(proxy, f"close/codes_by_client_{name}", ECHOES[name],
             client=steps(*BY_CLIENT, url=URL))
      for name, proxy in PROXIES.items()),
    direct("close/codes_by_client_direct", ws(), client=steps(*BY_CLIENT)),
    *(direct(f"close/codes_by_{library}", taking_orders(library), client=orders(*SOME))
      for library in ("websockets", "aiohttp", "tornado", "autobahn")),
    *(direct(f"close/codes_by_{name}", compiled(name), client=orders(*SOME))
      for name in ("gorilla", "nhooyr", "tungstenite")),
    direct("close/codes_by_wsproto", asgi("uvicorn wsproto"), client=orders(*SOME)),
    *(direct(f"close/codes_by_{library}_client", ws(),
             client=closing_client(library, *CLIENT_CODES))
      for library in ("websockets", "aiohttp", "tornado")),
    *(direct(f"close/codes_to_{name}", program, client=steps(*BY_CLIENT[-4:-1], {"close": []}))
      for name, program in {
          "gorilla": compiled("gorilla"), "nhooyr": compiled("nhooyr"),
          "tungstenite": compiled("tungstenite"), "autobahn": taking_orders("autobahn"),
      }.items()),
]

# ---- codes that nobody told them to send --------------------------------------------------------

FRAMES = ["unmasked", "rsv1", "rsv2", "rsv3", "opcode_3", "opcode_11", "ping_in_parts", "long_ping",
          "continuation", "text_in_text", "long_length", "huge_length", "bad_utf8",
          "bad_utf8_in_parts", "cut_utf8", "close_of_one_byte", "close_bad_utf8", "close_0",
          "close_999", "close_1004", "close_1005", "close_1006", "close_1015", "close_1016",
          "close_2999", "close_5000"]
SOME_FRAMES = ["unmasked", "rsv2", "opcode_3", "long_ping", "continuation", "bad_utf8",
               "close_of_one_byte", "close_1006"]
LIVE = STRAIGHT + "/at"  # Tomcat and Jetty have their endpoint there
LIMIT = 1000
BIG = {"size": LIMIT + 1, "quit": 4000}
IN_PARTS = {"size": 2 * LIMIT, "parts": 8, "quit": 4000}
LONG_WAY = {"size": 40_000, "quit": 4000}  # with the buffers of `small_buffers`
DEFLATED = {"size": 100_000, "quit": 4000, "options": {"perMessageDeflate": True}}
TOO_BIG = [BIG, IN_PARTS, LONG_WAY]
MANY_PARTS = {"size": 60, "parts": 20, "quit": 4000}
STACKS = {
    "websockets": taking_orders("websockets"), "aiohttp": taking_orders("aiohttp"),
    "tornado": taking_orders("tornado"), "autobahn": taking_orders("autobahn"),
    "gorilla": compiled("gorilla"), "nhooyr": compiled("nhooyr"),
    "tungstenite": compiled("tungstenite"), "wsproto": asgi("uvicorn wsproto"),
    "jetty": jetty(), "cowboy": cowboy(), "beast": beast(),
}
DEFLATES = ("ws", "websockets", "aiohttp", "gorilla", "nhooyr", "uvicorn", "wsproto")
LIMITED = {
    "ws": ws(server={"maxPayload": LIMIT}),
    "websockets": taking_orders("websockets", max_size=LIMIT),
    "aiohttp": taking_orders("aiohttp", max_msg_size=LIMIT),
    "tornado": taking_orders("tornado", websocket_max_message_size=LIMIT),
    "autobahn": taking_orders("autobahn", maxMessagePayloadSize=LIMIT),
    "gorilla": compiled("gorilla", LIMIT), "nhooyr": compiled("nhooyr", LIMIT),
    "tungstenite": compiled("tungstenite", LIMIT),
    "uvicorn": asgi("uvicorn auto", PORT, "--ws-max-size", str(LIMIT)),
    "wsproto": asgi("uvicorn wsproto", PORT, "--ws-max-size", str(LIMIT)),
}


def url_of(server: Program, path: str = "live") -> str:
    return f"ws://chat.example:{server.ports[0]}/{path}"


FAILING = [
    taking_orders("websockets", 8080), taking_orders("aiohttp", 8081),
    taking_orders("tornado", 8082), taking_orders("autobahn", 8083), asgi("uvicorn auto", 8084),
    asgi("uvicorn websockets", 8086), asgi("uvicorn wsproto", 8087), asgi("hypercorn", 8088),
    asgi("daphne", 8089),
]
PINGING = [
    taking_orders("websockets", 8080, ping_interval=1, ping_timeout=1),
    taking_orders("aiohttp", 8081, heartbeat=1),
    taking_orders("tornado", 8082, websocket_ping_interval=1, websocket_ping_timeout=1),
    taking_orders("autobahn", 8083, autoPingInterval=1, autoPingTimeout=1),
    *(asgi(name, port, "--ws-ping-interval", "1", "--ws-ping-timeout", "1")
      for name, port in (("uvicorn auto", 8084), ("uvicorn wsproto", 8086))),
]


def small_buffers(stage: Stage, _: Scenario) -> None:
    """A message of some size takes its time, as it does on a long way: the Close meets it."""
    for role in stage.namespaces:
        for what in ("tcp_rmem", "tcp_wmem"):
            stage.command(role, ["sysctl", "-qw", f"net.ipv4.{what}=4096 4096 4096"])


def end_all(stage: Stage, s: Scenario) -> None:
    """Every server is told to stop while its WebSocket is open."""
    client = stage.start("client", s.client)
    time.sleep(1 + len(s.backends))
    for process in stage.processes[:len(s.backends)]:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    client.wait(20)


def reload_caddy(stage: Stage, s: Scenario) -> None:
    """Its configuration is read again, changed, while a WebSocket is open."""
    client = stage.start("client", s.client)
    time.sleep(1.5)
    [place] = stage.dir.glob("*-proxy")
    config = place / "Caddyfile"
    config.write_text(config.read_text() + "\n# changed\n:81 {\n}\n")
    stage.command("proxy", ["env", f"HOME={place}", "caddy", "reload", "--config", str(config),
                            "--adapter", "caddyfile", "--address", "localhost:2019"])
    client.wait(20)


def stop_proxy(stage: Stage, s: Scenario) -> None:
    client = stage.start("client", s.client)
    time.sleep(1.5)
    stage.processes[len(s.backends)].send_signal(signal.SIGTERM)
    client.wait(20)


def with_admin(program: Program) -> Program:
    files = {name: text.replace("admin off", "admin localhost:2019")
             for name, text in program.files.items()}
    return dataclasses.replace(program, files=files)


SHUT_DOWN = [
    taking_orders("websockets", 8080), taking_orders("aiohttp", 8081), asgi("uvicorn auto", 8082),
    asgi("uvicorn websockets", 8083), asgi("uvicorn wsproto", 8084), asgi("hypercorn", 8086),
    asgi("daphne", 8087), on_port(tomcat(), 8088),
]


def waiting(*urls: str) -> Program:
    """One client for each, all at one time: says hello and waits for the end."""
    each = [steps({"quit": 20000}, url=url) for url in urls]
    lines = " ".join(f"{shlex.join(client.argv)} & sleep 0.6;" for client in each)
    return dataclasses.replace(each[0], argv=["sh", "-c", f"{lines} wait"])


BY_THEMSELVES = [
    direct("close/1002_bad_frames_ws", ws(), client=bad_frames(*FRAMES)),
    *(direct(f"close/1002_bad_frames_{name}", program, client=bad_frames(*SOME_FRAMES))
      for name, program in STACKS.items()),
    *(behind(proxy, f"close/1002_bad_frames_through_{name}", ws(),
             client=bad_frames(*SOME_FRAMES, at="chat.example:80"))
      for name, proxy in PROXIES.items()),
    *(direct(f"close/1009_too_big_{name}", program, before=small_buffers,
             client=steps(*TOO_BIG, *([DEFLATED] if name in DEFLATES else [])))
      for name, program in LIMITED.items()),
    direct("close/1009_too_big_socketio", socketio(LIMIT), before=small_buffers,
           client=steps(*({**step, "quiet": True} for step in TOO_BIG),
                        url="ws://chat.example:8080/socket.io/?EIO=4&transport=websocket")),
    direct("close/1009_too_big_tomcat", tomcat(), client=steps(
        {**BIG, "size": 8193}, {**IN_PARTS, "size": 16000}, DEFLATED, url=LIVE)),
    direct("close/1009_too_big_jetty", jetty(), client=steps(
        {**BIG, "size": 65537}, DEFLATED, url=LIVE)),
    *(behind(proxy, f"close/1009_while_sending_{name}", ws(server={"maxPayload": LIMIT}),
             client=steps(LONG_WAY, url=URL), before=small_buffers)
      for name, proxy in PROXIES.items()),
    # Of three megabytes the heads of frames are all that is of interest.
    behind(PROXIES["nginx"], "close/1009_three_megabytes_nginx", ws(server={"maxPayload": LIMIT}),
           client=steps({**LONG_WAY, "size": 3_000_000}, url=URL),
           capture=tcpdump("any", "-s", "800", "tcp")),
    direct("close/1008_too_many_fragments", ws(server={"maxFragments": 16}),
           client=steps(MANY_PARTS)),
    behind(PROXIES["nginx"], "close/1008_too_many_fragments_nginx",
           ws(server={"maxFragments": 16}), client=steps(MANY_PARTS, url=URL)),
    direct("close/1007_and_1008_nhooyr", compiled("nhooyr"), client=steps(
        {"size": 9, "quiet": True, "url": "ws://chat.example:8080/json"},
        {"size": 9, "quiet": True, "url": "ws://chat.example:8080/deaf"})),
    direct("close/1011_handler_fails", *FAILING, client=steps(
        *({"order": "raise", "url": url_of(server)} for server in FAILING))),
    *(behind(proxy, f"close/1011_handler_fails_{name}", asgi(server),
             client=steps({"order": "raise"}, url=URL))
      for (name, proxy), server in zip(
          PROXIES.items(), ("daphne", "uvicorn auto", "uvicorn wsproto"), strict=True)),
    direct("close/1011_ping_timeouts", *PINGING, client=Program(
        ["sh", "-c", "; ".join(
            shlex.join(python("hand_made_client.py", f"chat.example:{program.ports[0]}",
                              "ignore_pings")) for program in PINGING)],
        (), {}, "hand-made endpoint"), patience=12),
    direct("close/1001_1012_at_shutdown", *SHUT_DOWN, play=end_all, patience=14,
           client=waiting(*map(url_of, SHUT_DOWN[:-1]), url_of(SHUT_DOWN[-1], "live/at"))),
    *(behind(proxy, f"close/1012_at_shutdown_{name}", asgi("uvicorn auto"), play=end_all,
             client=steps({"quit": 12000}, url=URL))
      for name, proxy in PROXIES.items()),
    behind(with_admin(caddy()), "close/1001_caddy_reload", ws(), play=reload_caddy,
           client=steps({"quit": 12000}, url=URL)),
    behind(caddy(), "close/1001_caddy_stopped", ws(), play=stop_proxy,
           client=steps({"quit": 12000}, url=URL)),
]

# ---- closing handshakes that go another way -----------------------------------------------------

CLIENTS = ["never_echo", "fin_for_echo", "close_and_leave", "close_and_reset", "close_and_stay",
           "data_after_close", "close_twice", "close_while_told"]
SERVERS = ["silent_to_close", "fin_for_close", "reset_for_close", "other_code", "empty_echo",
           "late_echo", "close_then_data", "close_and_fin"]


def cross(stage: Stage, s: Scenario) -> None:
    """The proxy stands still while both sides close, each before it hears of the other."""
    proxy = stage.processes[len(s.backends)]
    client = stage.start("client", s.client)
    time.sleep(1.5)
    os.killpg(proxy.pid, signal.SIGSTOP)
    time.sleep(2)
    os.killpg(proxy.pid, signal.SIGCONT)
    client.wait(20)


def crossing(name: str, later: dict, after: str) -> Scenario:
    return behind(PROXIES["nginx"], name, taking_orders("websockets"), play=cross,
                  client=steps({"order": f"later {after} 1001 restart", **later}, url=URL))


WAYS = [
    *(behind(proxy, f"close/endings_by_client_{name}", taking_orders("websockets", close_timeout=2),
             client=by_hand("client", *CLIENTS, at="chat.example:80"), patience=14)
      for name, proxy in PROXIES.items()),
    direct("close/endings_by_client_direct", taking_orders("websockets", close_timeout=2),
           client=by_hand("client", *CLIENTS, at="chat.example:8080"), patience=14),
    *(behind(proxy, f"close/endings_by_server_{name}",
             by_hand("server", *SERVERS, at="0.0.0.0:8080"), patience=14,
             client=closing_client("websockets", *["1000 bye"] * len(SERVERS), url=URL))
      for name, proxy in PROXIES.items()),
    direct("close/endings_by_server_direct", by_hand("server", *SERVERS, at="0.0.0.0:8080"),
           client=closing_client("websockets", *["1000 bye"] * len(SERVERS)), patience=14),
    crossing("close/crossing_client_first", {"later": [1000, "bye"], "after": 2000}, "2.6"),
    crossing("close/crossing_server_first", {"later": [1000, "bye"], "after": 2600}, "2.0"),
    crossing("close/crossing_same_code", {"later": [1001, "bye"], "after": 2600}, "2.0"),
]

# ---- gateways that speak WebSocket themselves ---------------------------------------------------

PASSED_ON = [{"order": "drop"}, {"order": "reset"}, {"order": "close 1001 restart"},
             {"order": "close 1008 no token"}, {"order": "close 1011 failed"},
             {"close": [4000, "bye"]}, {"terminate": True}]


def gateways(suffix: str, **options) -> list[Scenario]:
    told = steps({}, url=URL)
    return [
        behind(gateway(**options), f"close/gateway_upstream_refused{suffix}", client=told),
        behind(gateway(**options), f"close/gateway_upstream_503{suffix}",
               ws(plain=True, status=503), client=told),
        behind(gateway(**options), f"close/gateway_upstream_bad_101{suffix}",
               hand_made("wrong_accept"), client=told),
        behind(gateway(hang_up=[1001], **options), f"close/gateway_upstream_ends{suffix}", ws(),
               client=steps(*PASSED_ON, url=URL)),
    ]


GATEWAYS = [*gateways(""), *gateways("_opened_first", first=True)]

ALL = [*CODES, *BY_THEMSELVES, *WAYS, *GATEWAYS]
