"""Recordings of opened WebSockets that end without a Close, each for a cause that was arranged:
timers, lifetimes, reloads, kills, crashes, heartbeats."""

import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable

from proxies import (
    PIPE_WITH_FIELDS, PYTHON, caddy, envoy, lighttpd, nghttpx, squid, traefik, varnish,
)
from scenario import Scenario, behind, direct
from software import (
    CLIENT_LEG, PORT, UPGRADE, UPSTREAM_LEG, apache, haproxy, nginx, node, python, websockets, ws,
)
from stage import BACKEND, Program, Stage

Play = Callable[[Stage, Scenario], None]
HERE = "ws://chat.example:8080/live"


# ---- endpoints ----------------------------------------------------------------------------------

def stays(url: str = "ws://chat.example/live", **plan) -> Program:
    """A client that stays; `endpoints/lasting_client.js` tells what a plan may hold."""
    return Program(node("lasting_client.js", url, json.dumps(plan)), (), {}, "ws 8.23.0")


def lasting(**options) -> Program:
    """A server that lasts; `endpoints/lasting_server.js` tells the options."""
    return Program(node("lasting_server.js", str(PORT), json.dumps(options)), (PORT,), {},
                   "ws 8.23.0")


def with_small_buffers(program: Program) -> Program:
    """Its connections are soon full."""
    sizes = "4096 8192 8192"
    limits = f"sysctl -qw net.ipv4.tcp_rmem='{sizes}' net.ipv4.tcp_wmem='{sizes}'"
    argv = ["sh", "-c", f'{limits}; exec "$@"', "sh", *program.argv]
    return dataclasses.replace(program, argv=argv)


# ---- proxies, each with a line more --------------------------------------------------------------

def but(program: Program, *changes: tuple[str, str]) -> Program:
    """The same program with words of its file replaced by others."""
    [(name, text)] = program.files.items()
    for old, new in changes:
        if old not in text:
            raise ValueError(f"no `{old}` in {name}")
        text = text.replace(old, new)
    return dataclasses.replace(program, files={name: text})


def reloads_nginx(program: Program | None = None) -> Program:
    """nginx whose old workers have 2 s left after a reload."""
    line = "worker_shutdown_timeout 2s; daemon off;"
    return but(program or nginx(UPGRADE), ("daemon off;", line))


def tunnel(client: str, server: str, lines: str = "") -> Program:
    """HAProxy with its two timeouts, and lines more in its defaults."""
    return but(haproxy(), ("timeout client 30s", f"timeout client {client}\n    {lines}"),
               ("timeout server 30s", f"timeout server {server}"))


def with_master(program: Program, line: str) -> Program:
    """HAProxy with the master that reloads, and a line of the section `global`."""
    [(name, text)] = program.files.items()
    return dataclasses.replace(program, argv=["haproxy", "-W", "-f", "{dir}/haproxy.cfg"],
                               files={name: f"global\n    {line}\n{text}"})


def wstunnel(lines: str = "") -> Program:
    return apache(f"ProxyPass / ws://{BACKEND}:{PORT}/\n{lines}")


def upgraded(lines: str = "") -> Program:
    return apache(f"ProxyPass / http://{BACKEND}:{PORT}/ upgrade=websocket\n{lines}")


def envoy_with(manager: str = "", route: str = "") -> Program:
    """Envoy with a line more in its connection manager, or in its route."""
    return but(envoy(), ("stat_prefix: in", f"stat_prefix: in\n          {manager}"),
               ("timeout: 15s", f"timeout: 15s{route}"))


def new_caddy(lines: str = "", *, watch: bool = False) -> Program:
    """A Caddy of today, which knows stream_timeout. With `watch` it reloads a changed file."""
    program = caddy(f"reverse_proxy {BACKEND}:{PORT} {{\n{lines}\n}}")
    argv = ["env", "HOME={dir}", str(PYTHON / "bin" / "caddy"), *program.argv[3:]]
    return dataclasses.replace(program, argv=argv + ["--watch"] * watch, label="Caddy 2.11.7")


def patient_traefik() -> Program:
    """Traefik with every timeout that an entry point has."""
    program = traefik()
    timeouts = [f"--entrypoints.web.transport.respondingTimeouts.{one}=3s"
                for one in ("readTimeout", "writeTimeout", "idleTimeout")]
    return dataclasses.replace(program, argv=program.argv + timeouts)


def drained_envoy() -> Program:
    """Envoy that reads its listener from a file of its own, and drains it for 2 s."""
    program = envoy()
    [(name, text)] = program.files.items()
    begin, end = text.index("  listeners:"), text.index("  clusters:")
    listener = text[begin:end].removeprefix("  listeners:\n  - ")
    kind = "type.googleapis.com/envoy.config.listener.v3.Listener"
    files = {
        name: "node: { id: here, cluster: here }\ndynamic_resources:\n  lds_config:\n"
              '    path_config_source: { path: "{dir}/listeners.yaml" }\n'
              + text[:begin] + text[end:],
        "listeners.yaml": f'resources:\n  - "@type": {kind}\n    name: in\n    {listener}',
    }
    return dataclasses.replace(program, argv=[*program.argv, "--drain-time-s", "2"], files=files)


def nghttpx_with(*options: str) -> Program:
    program = nghttpx()
    return dataclasses.replace(program, argv=[*program.argv, *options])


def varnish_with(*options: str) -> Program:
    program = varnish(PIPE_WITH_FIELDS)
    return dataclasses.replace(program, argv=[*program.argv, *options])


# ---- plays --------------------------------------------------------------------------------------

def proxy_of(stage: Stage, s: Scenario):
    return stage.processes[len(s.backends)]


def backend_of(stage: Stage, _s: Scenario):
    return stage.processes[0]


def tell(who, how: signal.Signals, after: float = 2.5, *, all_of_it: bool = True) -> Play:
    """Backend or proxy gets a signal while the WebSockets are open."""
    def play(stage: Stage, s: Scenario) -> None:
        client = stage.start("client", s.client)
        time.sleep(after)
        process = who(stage, s)
        if all_of_it:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        client.wait(40)
    return play


def reload(how: signal.Signals, after: float = 2.5) -> Play:
    """The master of the proxy gets the signal."""
    return tell(proxy_of, how, after, all_of_it=False)


def rewrite(name: str, old: str, new: str, after: float = 2.5) -> Play:
    """The proxy's file changes, and the proxy watches it. Put in its place as one, by a rename."""
    def play(stage: Stage, s: Scenario) -> None:
        client = stage.start("client", s.client)
        time.sleep(after)
        [file] = stage.dir.glob(f"*-proxy/{name}")
        other = file.with_name(f"{name}.new")
        other.write_text(file.read_text().replace(old, new))
        other.rename(file)
        client.wait(40)
    return play


def kill_client(stage: Stage, s: Scenario) -> None:
    client = stage.start("client", s.client)
    time.sleep(2.5)
    client.kill()


def unplug(role: str, after: float = 2.5) -> Play:
    """A host is gone without a word, until the others have noticed."""
    def play(stage: Stage, s: Scenario) -> None:
        client = stage.start("client", s.client)
        time.sleep(after)
        stage.unplug(role)
        if role == "client":
            time.sleep(s.patience)
        else:
            client.wait(40)
    return play


def kernel(role: str, *settings: str) -> Callable[[Stage, Scenario], None]:
    def before(stage: Stage, _s: Scenario) -> None:
        stage.command(role, ["sysctl", "-qw", *(f"net.ipv4.{one}" for one in settings)])
    return before


KEEPALIVE = ("tcp_keepalive_time=2", "tcp_keepalive_intvl=1", "tcp_keepalive_probes=3")
def stop_backend(stage: Stage, s: Scenario) -> None:
    """The backend's process stands still, and its buffers fill."""
    client = stage.start("client", s.client)
    time.sleep(1)
    os.killpg(stage.processes[0].pid, signal.SIGSTOP)
    client.wait(40)


# ---- what many have in common ------------------------------------------------------------------

RIGHT = nginx(UPGRADE)
EIGHT = stays(crowd=8, stagger=150)
EIGHT_HERE = stays(HERE, crowd=8, stagger=150)
KILL_BACKEND = tell(backend_of, signal.SIGKILL)
KILL_PROXY = tell(proxy_of, signal.SIGKILL)
THROUGH = {"nginx": RIGHT, "haproxy": haproxy(), "apache": upgraded()}
LARGE = 1_048_576

# ---- idle timers --------------------------------------------------------------------------------

READ_3S = nginx(UPGRADE + "proxy_read_timeout 3s;")
FOUR = stays(crowd=4, stagger=700)
PATIENT = stays(close=6000)
TALKS_ALONE = stays(chat=500, close=6000)

IDLE = [
    behind(READ_3S, "close/idle_nginx_both_silent", lasting(), client=FOUR),
    # The timer is set anew by what the client sends, too.
    behind(READ_3S, "close/open_nginx_client_keeps_sending", lasting(mute=True),
           client=TALKS_ALONE),
    behind(READ_3S, "close/open_nginx_client_keeps_pinging", lasting(mute=True),
           client=stays(ping=700, close=6000)),
    behind(READ_3S, "close/open_nginx_server_keeps_pinging", lasting(ping=1000), client=PATIENT),
    behind(READ_3S, "close/idle_nginx_client_stops_sending", lasting(mute=True),
           client=stays(ping=700, pause=4000)),
    behind(with_small_buffers(nginx(UPGRADE + "proxy_send_timeout 3s;")),
           "close/idle_nginx_send_timeout", with_small_buffers(lasting()),
           client=with_small_buffers(stays(large=LARGE, sent=70_000)), play=stop_backend),
    behind(tunnel("30s", "30s", "timeout tunnel 3s"), "close/idle_haproxy_tunnel", lasting(),
           client=FOUR),
    behind(tunnel("2s", "5s"), "close/idle_haproxy_client_2s_server_5s", lasting(), client=FOUR),
    behind(tunnel("5s", "2s"), "close/idle_haproxy_client_5s_server_2s", lasting(), client=FOUR),
    behind(tunnel("5s", "2s"), "close/open_haproxy_client_keeps_sending", lasting(mute=True),
           client=TALKS_ALONE),
    behind(wstunnel("Timeout 3"), "close/idle_apache_wstunnel", lasting(), client=FOUR),
    behind(upgraded("Timeout 3"), "close/idle_apache_upgrade", lasting(), client=FOUR),
    behind(upgraded("ProxyTimeout 3"), "close/open_apache_proxy_timeout", lasting(),
           client=PATIENT),
    behind(upgraded("Timeout 3"), "close/open_apache_client_keeps_sending", lasting(mute=True),
           client=TALKS_ALONE),
    behind(envoy_with("stream_idle_timeout: 3s"), "close/idle_envoy_stream", lasting(),
           client=FOUR),
    behind(envoy_with(route=", idle_timeout: 2s"), "close/idle_envoy_route", lasting(),
           client=FOUR),
    behind(varnish_with("-p", "pipe_timeout=3"), "close/idle_varnish_pipe", lasting(),
           client=FOUR),
    behind(squid(more="http_upgrade_request_protocols websocket allow all\nread_timeout 3 seconds"),
           "close/idle_squid", lasting(), client=FOUR),
    behind(lighttpd('proxy.header = ( "upgrade" => "enable" )\n'
                    "server.max-read-idle = 3\nserver.max-write-idle = 3"),
           "close/idle_lighttpd", lasting(), client=FOUR),
    behind(nghttpx_with("--backend-read-timeout=3s"), "close/idle_nghttpx_backend", lasting(),
           client=FOUR),
    behind(nghttpx_with("--frontend-read-timeout=3s"), "close/open_nghttpx_frontend_timeout",
           lasting(), client=PATIENT),
    behind(patient_traefik(), "close/open_traefik_timeouts", lasting(), client=PATIENT),
    behind(new_caddy("transport http {\n read_timeout 3s\n}"), "close/idle_caddy_transport",
           lasting(), client=FOUR),
]

# ---- lifetimes ----------------------------------------------------------------------------------

BUSY = stays(crowd=4, stagger=700, chat=400)
TALKS = lasting(tick=500)

LIFETIMES = [
    behind(new_caddy("stream_timeout 4s"), "close/lifetime_caddy_stream_timeout", TALKS,
           client=BUSY),
    behind(envoy_with(route=", max_stream_duration: { max_stream_duration: 4s }"),
           "close/lifetime_envoy_route", TALKS, client=BUSY),
    behind(envoy_with("common_http_protocol_options: { max_stream_duration: 3s }"),
           "close/lifetime_envoy_stream", TALKS, client=BUSY),
    behind(envoy(timeout="3s"), "close/open_envoy_route_timeout", TALKS,
           client=stays(chat=400, close=6000)),
    behind(new_caddy("stream_timeout 4s"), "close/lifetime_caddy_upstream_leg_only", TALKS,
           client=BUSY, capture=UPSTREAM_LEG),
    behind(new_caddy("stream_timeout 4s"), "close/lifetime_caddy_client_leg_only", TALKS,
           client=BUSY, capture=CLIENT_LEG),
]

# ---- reloads ------------------------------------------------------------------------------------

TEN = stays(crowd=10, stagger=150)
HARD_STOP = with_master(haproxy(), "hard-stop-after 2s")
RELOAD_NGINX, RELOAD_HAPROXY = reload(signal.SIGHUP), reload(signal.SIGUSR2)
GRACEFUL = "GracefulShutdownTimeout 2"
TOUCHED = rewrite("Caddyfile", "auto_https off", "auto_https off\n  grace_period 5s")

RELOADED = [
    behind(reloads_nginx(), "close/reload_nginx", lasting(), client=TEN, play=RELOAD_NGINX),
    behind(reloads_nginx(), "close/reload_nginx_busy", TALKS,
           client=stays(crowd=8, stagger=150, chat=700), play=RELOAD_NGINX),
    behind(RIGHT, "close/reload_nginx_without_a_limit", lasting(),
           client=stays(crowd=4, close=6000), play=RELOAD_NGINX),
    behind(RIGHT, "close/stopped_nginx", lasting(), client=TEN, play=reload(signal.SIGTERM)),
    behind(HARD_STOP, "close/reload_haproxy", lasting(), client=TEN, play=RELOAD_HAPROXY),
    behind(HARD_STOP, "close/reload_haproxy_busy", TALKS,
           client=stays(crowd=8, stagger=150, chat=700), play=RELOAD_HAPROXY),
    behind(haproxy(backend=f"option httpchk\n    server one {BACKEND}:{PORT} check port 9090 "
                           "inter 500 fall 2 on-marked-down shutdown-sessions"),
           "close/marked_down_by_haproxy", lasting(), ws(9090, plain=True), client=TEN,
           play=tell(lambda stage, _: stage.processes[1], signal.SIGKILL)),
    behind(new_caddy(watch=True), "close/reload_caddy", lasting(), client=TEN, play=TOUCHED),
    behind(new_caddy("stream_close_delay 3s", watch=True), "close/reload_caddy_close_delay",
           lasting(), client=TEN, play=TOUCHED),
    behind(drained_envoy(), "close/drain_envoy", lasting(), client=TEN,
           play=rewrite("listeners.yaml", "stat_prefix: in", "stat_prefix: anew")),
    behind(upgraded(GRACEFUL), "close/graceful_apache", lasting(),
           client=stays(crowd=8, stagger=150, close=6000), play=reload(signal.SIGUSR1)),
    behind(upgraded(GRACEFUL), "close/graceful_stop_apache", lasting(), client=TEN,
           play=reload(signal.SIGWINCH)),
    behind(upgraded(), "close/restart_apache", lasting(), client=TEN, play=reload(signal.SIGHUP)),
    direct("close/rolling_close_by_server", lasting(rolling=400), client=EIGHT_HERE,
           play=tell(backend_of, signal.SIGTERM)),
    behind(RIGHT, "close/rolling_close_by_server_nginx", lasting(rolling=400), client=EIGHT,
           play=tell(backend_of, signal.SIGTERM)),
]

# ---- killed and crashed -------------------------------------------------------------------------

KILLED = [
    *(behind(proxy, f"close/backend_killed_behind_{name}", lasting(), client=EIGHT,
             play=KILL_BACKEND) for name, proxy in THROUGH.items()),
    direct("close/backend_killed_direct", lasting(), client=EIGHT_HERE, play=KILL_BACKEND),
    *(behind(proxy, f"close/proxy_killed_{name}", lasting(), client=EIGHT, play=KILL_PROXY)
      for name, proxy in THROUGH.items()),
    *(behind(proxy, f"close/client_killed_{name}", lasting(), client=EIGHT, play=kill_client)
      for name, proxy in THROUGH.items()),
    direct("close/client_killed_direct", lasting(), client=EIGHT_HERE, play=kill_client),
    behind(RIGHT, "close/backend_terminated_behind_nginx", lasting(), client=EIGHT,
           play=tell(backend_of, signal.SIGTERM)),
    direct("close/backend_terminated_direct", lasting(), client=EIGHT_HERE,
           play=tell(backend_of, signal.SIGTERM)),
    direct("close/backend_dies_within_a_large_message", lasting(die=40_000),
           client=stays(HERE, large=LARGE, sent=60_000)),
    behind(RIGHT, "close/backend_dies_within_a_large_message_nginx", lasting(die=30_000),
           client=stays(large=LARGE, sent=40_000)),
    direct("close/backend_destroys_within_a_large_message", lasting(destroy=40_000),
           client=stays(HERE, large=LARGE, sent=60_000)),
    behind(haproxy(), "close/backend_destroys_within_a_large_message_haproxy",
           lasting(destroy=30_000), client=stays(large=LARGE, sent=40_000)),
    direct("close/backend_throws_after_a_large_message", lasting(throws=70_000),
           client=stays(HERE, large=70_000)),
    behind(RIGHT, "close/backend_throws_after_a_large_message_nginx", lasting(throws=70_000),
           client=stays(large=70_000)),
    direct("close/client_leaves_within_a_message", lasting(),
           client=stays(HERE, large=LARGE, sent=20_000, then="leave")),
    behind(RIGHT, "close/client_leaves_within_a_message_nginx", lasting(),
           client=stays(large=LARGE, sent=20_000, then="leave")),
    behind(haproxy(), "close/client_resets_within_a_message_haproxy", lasting(),
           client=stays(large=LARGE, sent=20_000, then="reset")),
    behind(nginx(UPGRADE + "proxy_socket_keepalive on;"),
           "close/backend_vanished_keepalive_nginx", lasting(), client=stays(crowd=3),
           before=kernel("proxy", *KEEPALIVE), play=unplug("backend"), cut_short=True),
    behind(tunnel("60s", "60s", "option srvtcpka"), "close/backend_vanished_keepalive_haproxy",
           lasting(), client=stays(crowd=3), before=kernel("proxy", *KEEPALIVE),
           play=unplug("backend"), cut_short=True),
    behind(RIGHT, "close/backend_vanished_while_sending_nginx", lasting(),
           client=stays(crowd=2, chat=600, quit=30000), before=kernel("proxy", "tcp_retries2=6"),
           play=unplug("backend"), cut_short=True),
    behind(RIGHT, "close/client_vanished_while_idle_nginx", lasting(ping=3000),
           client=stays(crowd=2), before=kernel("proxy", "tcp_retries2=6"),
           play=unplug("client"), cut_short=True, patience=30),
    behind(tunnel("60s", "60s", "option clitcpka"), "close/client_vanished_keepalive_haproxy",
           lasting(), client=stays(crowd=3), before=kernel("proxy", *KEEPALIVE),
           play=unplug("client"), cut_short=True, patience=8),
    behind(RIGHT, "close/proxy_killed_nginx_alone", lasting(), client=stays(),
           play=tell(proxy_of, signal.SIGKILL, 3.9)),
]

# ---- heartbeats ---------------------------------------------------------------------------------

DEAF = {"autoPong": False}


def socketio_with(**options) -> Program:
    return Program(node("socketio_server.js", str(PORT), "4", json.dumps(options)), (PORT,), {},
                   "socket.io 4.8.4")


def keepalive_client(url: str, seconds: int) -> Program:
    return Program(python("websockets_keepalive_client.py", url, str(seconds)), (), {},
                   "websockets 17.4")


ENGINE = "/socket.io/?EIO=4&transport=websocket"

HEARTBEATS = [
    direct("close/heartbeat_terminated_by_ws", lasting(heartbeat=1000),
           client=stays(HERE, crowd=3, stagger=400, options=DEAF)),
    behind(RIGHT, "close/heartbeat_terminated_by_ws_nginx", lasting(heartbeat=1000),
           client=stays(crowd=3, stagger=400, options=DEAF)),
    behind(RIGHT, "close/heartbeat_answered", lasting(heartbeat=1000), client=PATIENT),
    direct("close/heartbeat_socketio", socketio_with(pingInterval=1000, pingTimeout=1500),
           client=stays(f"ws://chat.example:8080{ENGINE}", crowd=3, stagger=400, say="40")),
    behind(RIGHT, "close/heartbeat_socketio_nginx",
           socketio_with(pingInterval=1000, pingTimeout=1500),
           client=stays(f"ws://chat.example{ENGINE}", crowd=3, stagger=400, say="40")),
    direct("close/heartbeat_websockets_server", websockets("--ping", "1"),
           client=stays(HERE, crowd=2, stagger=400, options=DEAF)),
    direct("close/heartbeat_websockets_client", lasting(mute=True),
           client=keepalive_client(HERE, 1)),
    behind(haproxy(), "close/heartbeat_websockets_client_haproxy", lasting(mute=True),
           client=keepalive_client("ws://chat.example/live", 1)),
    direct("close/heartbeat_given_up_by_client", lasting(mute=True),
           client=stays(HERE, ping=1000, leave=4500)),
    behind(RIGHT, "close/heartbeat_given_up_by_client_nginx", lasting(mute=True),
           client=stays(ping=1000, leave=4500)),
]

# ---- one leg in sight ---------------------------------------------------------------------------

LONE = [
    scenario
    for leg, capture in (("upstream", UPSTREAM_LEG), ("client", CLIENT_LEG))
    for scenario in (
        behind(READ_3S, f"close/idle_nginx_{leg}_leg_only", lasting(), client=FOUR,
               capture=capture),
        behind(READ_3S, f"close/idle_nginx_alone_{leg}_leg_only", lasting(), client=stays(),
               capture=capture),
        behind(tunnel("30s", "30s", "timeout tunnel 3s"), f"close/idle_haproxy_{leg}_leg_only",
               lasting(), client=FOUR, capture=capture),
        behind(RIGHT, f"close/proxy_killed_nginx_{leg}_leg_only", lasting(), client=EIGHT,
               play=KILL_PROXY, capture=capture),
        behind(reloads_nginx(), f"close/reload_nginx_{leg}_leg_only", lasting(), client=TEN,
               play=RELOAD_NGINX, capture=capture),
        behind(RIGHT, f"close/backend_killed_nginx_{leg}_leg_only", lasting(), client=EIGHT,
               play=KILL_BACKEND, capture=capture),
    )
]

# ---- probes, and those who leave by themselves --------------------------------------------------

PROBES = {"crowd": 4, "stagger": 400, "say": "", "leave": 60}

LEFT = [
    direct("close/probes_direct", lasting(), client=stays(HERE, **PROBES)),
    behind(RIGHT, "close/probes_nginx", lasting(), client=stays(**PROBES)),
    behind(haproxy(), "close/probes_haproxy", lasting(), client=stays(**PROBES)),
    direct("close/dropped_at_once", lasting(drop=True),
           client=stays(HERE, crowd=3, stagger=300, say="")),
    behind(RIGHT, "close/dropped_at_once_nginx", lasting(drop=True),
           client=stays(crowd=3, stagger=300, say="")),
    direct("close/client_leaves_after_7300_ms", lasting(), client=stays(HERE, leave=7300)),
    behind(RIGHT, "close/client_leaves_after_7300_ms_nginx", lasting(),
           client=stays(leave=7300)),
    behind(RIGHT, "close/client_leaves_after_5000_ms_nginx", lasting(),
           client=stays(leave=5000)),
    behind(RIGHT, "close/idle_nginx_60s_upstream_leg_only", lasting(),
           client=stays(crowd=2, stagger=3000, quit=80_000), capture=UPSTREAM_LEG),
    behind(RIGHT, "close/open_nginx_60s_client_keeps_pinging", lasting(mute=True),
           client=stays(ping=10_000, close=66_000, quit=80_000)),
]

# ---- what looks like something else -------------------------------------------------------------

# All opened at one moment, as after a reload: their timers run out at one moment, too.
AT_ONCE = {"crowd": 8}
OVER_TLS = "wss://chat.example/live"
TLS_3S = nginx(UPGRADE + "proxy_read_timeout 3s;", tls=True)
UNTRUSTING = {"options": {"rejectUnauthorized": False}}


def kill_worker(stage: Stage, s: Scenario) -> None:
    """nginx' worker dies, and its master starts another."""
    client = stage.start("client", s.client)
    time.sleep(2.5)
    master = proxy_of(stage, s).pid
    stage.command("proxy", ["pkill", "-KILL", "-P", str(master)])
    client.wait(40)


TRAPS = [
    behind(READ_3S, "close/idle_nginx_opened_at_once", lasting(), client=stays(**AT_ONCE)),
    behind(tunnel("30s", "30s", "timeout tunnel 3s"), "close/idle_haproxy_opened_at_once",
           lasting(), client=stays(**AT_ONCE)),
    behind(new_caddy("stream_timeout 4s"), "close/lifetime_caddy_opened_at_once", TALKS,
           client=stays(**AT_ONCE, chat=700)),
    behind(RIGHT, "close/worker_killed_nginx", lasting(), client=EIGHT, play=kill_worker),
    direct("close/idle_timer_of_the_server", lasting(idle=3000),
           client=stays(HERE, crowd=4, stagger=700)),
    behind(RIGHT, "close/idle_timer_of_the_server_nginx", lasting(idle=3000), client=FOUR),
    behind(RIGHT, "close/lifetime_of_the_server_nginx", lasting(tick=500, lifetime=4000),
           client=BUSY),
    behind(RIGHT, "close/lifetime_of_the_client_nginx", TALKS,
           client=stays(crowd=4, stagger=700, chat=400, leave=4000)),
    behind(TLS_3S, "close/idle_nginx_behind_tls", lasting(),
           client=stays(OVER_TLS, crowd=4, stagger=700, **UNTRUSTING)),
    behind(nginx(UPGRADE, tls=True), "close/client_leaves_behind_tls", lasting(),
           client=stays(OVER_TLS, leave=5000, **UNTRUSTING)),
    behind(reloads_nginx(nginx(UPGRADE, tls=True)), "close/reload_nginx_behind_tls", lasting(),
           client=stays(OVER_TLS, crowd=10, stagger=150, **UNTRUSTING), play=RELOAD_NGINX),
    behind(haproxy(idle="50s"), "close/idle_haproxy_50s_client_leg_only", lasting(),
           client=stays(crowd=2, stagger=3000, quit=80_000), capture=CLIENT_LEG),
]

ALL = [*TRAPS, *IDLE, *LIFETIMES, *RELOADED, *KILLED, *HEARTBEATS, *LONE, *LEFT]
