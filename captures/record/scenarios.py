"""The table of recordings.

A name tells the situation; ../README.md tells it in a sentence and says what the file must yield.
The default client says two things and closes with 1000; the default capture is of both legs.
"""

import signal
import time
from collections.abc import Callable

import chains
import closes
import endings
from scenario import HELLO, Scenario, behind, by_hand, direct, talk
from software import (
    ANY, CLIENT_LEG, FORWARDED, HOST, PORT, UPGRADE, UPSTREAM_LEG, aiohttp, apache,
    curl, dumpcap, hand_made, hand_made_client, haproxy, nginx, socketio, socketio_client, tcpdump,
    tornado, uvicorn, websockets, websockets_client, ws, ws_client,
)
from stage import BACKEND, Stage

CHAT = {"protocols": ["chat.v2", "chat.v1"], **HELLO}
EVIL = {"options": {"origin": "https://evil.example"}, **HELLO}
BROWSER = {
    "options": {
        "origin": "https://chat.example",
        "headers": {
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
        },
    }
}
PLAIN_PASS = apache(f"ProxyPass / http://{BACKEND}:{PORT}/")
RIGHT = nginx(UPGRADE)
HTTP10 = nginx(UPGRADE.replace("1.1", "1.0"))
VERSION_ONLY = nginx("proxy_http_version 1.1;")
SECURE = ws_client("wss://chat.example/live", **HELLO)
NO_FIELD = FORWARDED + "".join(
    f'proxy_set_header Sec-WebSocket-{field} "";'
    for field in ("Key", "Version", "Extensions", "Protocol")
)


# ---- plays: what happens while the capture runs -------------------------------------------------

def end_backend(how: signal.Signals) -> Callable[[Stage, Scenario], None]:
    """The backend gets a signal while the WebSocket is open."""
    def play(stage: Stage, s: Scenario) -> None:
        client = stage.start("client", s.client)
        time.sleep(1.5)
        stage.processes[0].send_signal(how)
        client.wait(20)
    return play


def translate(stage: Stage, s: Scenario) -> None:
    """The router publishes the backend's port as its own port 80, and hides the client."""
    for rule in (
        "add table ip nat",
        "add chain ip nat before { type nat hook prerouting priority dstnat ; }",
        "add chain ip nat behind { type nat hook postrouting priority srcnat ; }",
        f"add rule ip nat before tcp dport 80 dnat to {BACKEND}:{PORT}",
        f"add rule ip nat behind ip daddr {BACKEND} masquerade",
    ):
        stage.command("proxy", ["nft", *rule.split()])


def unplug_client(stage: Stage, s: Scenario) -> None:
    """The client's address goes away while the server has things to tell it."""
    stage.start("client", s.client)
    time.sleep(1.5)
    stage.unplug("client")
    time.sleep(33)  # the last retransmission before that comes some 28 s after the first sending


def unplug_backend(stage: Stage, s: Scenario) -> None:
    stage.unplug("backend")


def leave_open(stage: Stage, s: Scenario) -> None:
    """The capture ends while the WebSocket is open."""
    stage.start("client", s.client)
    time.sleep(2)


def open_before(stage: Stage, s: Scenario) -> None:
    """The client is at it before the capture begins."""
    stage.start("client", s.client)
    time.sleep(1.2)


def wait_for_client(stage: Stage, s: Scenario) -> None:
    stage.processes[-2].wait(20)  # the last one is the capture


def redirect(stage: Stage, _s: Scenario) -> None:
    """As a mesh does it: what is dialled on the proxy's host leads to the proxy's port 15001."""
    stage.command("proxy", ["ip", "route", "add", "10.96.0.1", "dev", "to-backend"])
    stage.command("proxy", ["nft", "table ip mesh { chain out { type nat hook output priority -100; "
                            "ip daddr 10.96.0.1 tcp dport 80 redirect to :15001; }; }"])


def run_beside_proxy(stage: Stage, s: Scenario) -> None:
    stage.start("proxy", s.client).wait(90)


# ---- the handshake broken by a hop --------------------------------------------------------------

STRIPPED = [
    behind(nginx(), "handshake/stripped_by_nginx_default", ws()),
    behind(nginx(), "handshake/stripped_by_nginx_default_any", ws(), capture=ANY),
    behind(nginx(), "handshake/stripped_by_nginx_default_websockets17", websockets()),
    behind(nginx(), "handshake/stripped_by_nginx_default_websockets12", websockets(version=12)),
    behind(nginx(), "handshake/stripped_by_nginx_default_aiohttp", aiohttp()),
    behind(nginx(), "handshake/stripped_by_nginx_default_tornado", tornado()),
    behind(nginx(), "handshake/stripped_by_nginx_default_uvicorn", uvicorn()),
    behind(nginx(), "handshake/stripped_by_nginx_default_socketio4", socketio(4),
           client=socketio_client(4, "websocket")),
    behind(nginx(), "handshake/stripped_by_nginx_default_socketio2", socketio(2),
           client=socketio_client(2, "websocket")),
    behind(nginx(), "handshake/stripped_by_nginx_default_page", ws(page=True)),
    behind(nginx(), "handshake/stripped_by_nginx_three_times", ws(),
           client=ws_client(**HELLO, times=3)),
    behind(VERSION_ONLY, "handshake/stripped_by_nginx_version_only", ws()),
    behind(VERSION_ONLY, "handshake/stripped_by_nginx_version_only_websockets17", websockets(),
           client=websockets_client("hello")),
    behind(nginx(NO_FIELD), "handshake/stripped_of_every_field_by_nginx", ws()),
    behind(nginx(NO_FIELD), "handshake/stripped_of_every_field_by_nginx_request_id", ws(page=True),
           client=ws_client(**HELLO, options={"headers": {"X-Request-ID": "4f1c0a72b6"}})),
    behind(nginx("proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"),
           "handshake/stripped_by_nginx_connection_unset", aiohttp()),
    behind(nginx('proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;'
                 'proxy_set_header Connection "";'),
           "handshake/stripped_by_nginx_connection_emptied", websockets()),
    behind(nginx('proxy_http_version 1.1; proxy_set_header Connection "upgrade";'),
           "handshake/stripped_by_nginx_upgrade_unset", websockets()),
    behind(nginx("proxy_http_version 1.1; proxy_set_header Upgrade $connection_upgrade;"
                 "proxy_set_header Connection $connection_upgrade;"),
           "handshake/stripped_by_nginx_upgrade_typo", ws()),
    behind(nginx(UPGRADE + 'proxy_set_header Sec-WebSocket-Key "";'),
           "handshake/stripped_by_nginx_key", ws()),
    behind(nginx(UPGRADE + 'proxy_set_header Sec-WebSocket-Version "";'),
           "handshake/stripped_by_nginx_version_field", ws()),
    behind(nginx(UPGRADE + "proxy_hide_header Sec-WebSocket-Accept;"),
           "handshake/accept_removed_by_nginx", ws()),
    behind(nginx(FORWARDED, tls=True), "handshake/stripped_by_nginx_behind_tls", ws(),
           client=ws_client("wss://chat.example/live", **HELLO)),
    behind(nginx("proxy_http_version 1.1;", tls=True),
           "handshake/stripped_by_nginx_behind_tls_unmarked", ws(),
           client=ws_client("wss://chat.example/live", **HELLO)),
    behind(nginx("proxy_http_version 1.1;", tls=True),
           "handshake/stripped_by_nginx_behind_tls_browser", websockets(),
           client=ws_client("wss://chat.example/live", **BROWSER)),
    behind(nginx(), "handshake/stripped_by_nginx_client_leg_only", ws(), capture=CLIENT_LEG),
    behind(nginx(), "handshake/stripped_by_nginx_upstream_leg_only", ws(), capture=UPSTREAM_LEG),
    behind(PLAIN_PASS, "handshake/stripped_by_apache_plain", ws()),
    behind(PLAIN_PASS, "handshake/stripped_by_apache_plain_websockets17", websockets()),
    behind(PLAIN_PASS, "handshake/stripped_by_apache_backend_upgrades",
           hand_made("upgrade_anyway")),
    behind(haproxy("http-request del-header upgrade"), "handshake/stripped_by_haproxy_upgrade",
           ws()),
    behind(haproxy("http-request del-header upgrade"),
           "handshake/stripped_by_haproxy_upgrade_websockets17", websockets(), capture=ANY),
    behind(haproxy("http-request del-header sec-websocket-version"),
           "handshake/stripped_by_haproxy_version_field", ws()),
    behind(haproxy("http-request del-header sec-websocket-key"),
           "handshake/key_replaced_by_haproxy", ws()),
    direct("handshake/stripped_before_this_server", websockets(),
           client=by_hand("connection_keep_alive")),
]

DOWNGRADED = [
    behind(HTTP10, "handshake/http10_opened_by_ws", ws()),
    behind(HTTP10, "handshake/http10_opened_by_aiohttp", aiohttp()),
    behind(HTTP10, "handshake/http10_opened_and_dropped_by_tornado", tornado()),
    behind(HTTP10, "handshake/http10_refused_by_websockets17", websockets()),
    behind(HTTP10, "handshake/http10_refused_by_websockets12", websockets(version=12)),
    behind(haproxy("http-request del-header sec-websocket-extensions"),
           "handshake/extensions_removed_by_haproxy", ws()),
    behind(nginx(UPGRADE + 'proxy_set_header Sec-WebSocket-Extensions "";'),
           "handshake/extensions_removed_by_nginx", websockets(),
           client=websockets_client("hello")),
    behind(haproxy("http-response del-header sec-websocket-extensions"),
           "handshake/response_extensions_removed_by_haproxy", websockets(),
           client=websockets_client("hello hello hello hello hello hello")),
    behind(nginx(UPGRADE + 'proxy_set_header Sec-WebSocket-Protocol "";'),
           "handshake/subprotocol_removed_by_nginx", ws(), client=ws_client(**CHAT)),
    behind(haproxy("http-request del-header sec-websocket-protocol"),
           "handshake/subprotocol_removed_by_haproxy", ws(), client=ws_client(**CHAT)),
    behind(nginx(UPGRADE + "proxy_hide_header Sec-WebSocket-Protocol;"),
           "handshake/subprotocol_hidden_by_nginx", ws(), client=ws_client(**CHAT)),
    direct("handshake/subprotocol_none_selected", ws(subprotocol="none"),
           client=ws_client("ws://chat.example:8080/live", **CHAT)),
    behind(RIGHT, "handshake/page_instead_of_101", ws(plain=True)),
]

# ---- the handshake refused ----------------------------------------------------------------------

REFUSED = [
    direct("handshake/key_missing_ws", ws(), client=by_hand("no_key")),
    direct("handshake/key_missing_websockets17", websockets(), client=by_hand("no_key")),
    behind(haproxy(), "handshake/key_missing_haproxy", ws(),
           client=hand_made_client("no_key")),
    behind(RIGHT, "handshake/key_missing_through_nginx", ws(), client=hand_made_client("no_key")),
    direct("handshake/key_twice_ws", ws(), client=by_hand("two_keys")),
    direct("handshake/version_99_ws", ws(), client=by_hand("version_99")),
    direct("handshake/version_99_tornado", tornado(), client=by_hand("version_99")),
    direct("handshake/origin_refused_websockets17", websockets("--origin", "https://chat.example"),
           client=ws_client("ws://chat.example:8080/live", **EVIL)),
    direct("handshake/origin_refused_websockets12",
           websockets("--origin", "https://chat.example", version=12),
           client=ws_client("ws://chat.example:8080/live", **EVIL)),
    direct("handshake/origin_refused_ws", ws(origins=["https://chat.example"]),
           client=ws_client("ws://chat.example:8080/live", **EVIL)),
    direct("handshake/origin_refused_tornado", tornado(),
           client=ws_client("ws://chat.example:8080/live", **EVIL)),
    behind(RIGHT, "handshake/origin_refused_host_rewritten", tornado(),
           client=ws_client(options={"origin": "http://chat.example"})),
    behind(nginx(UPGRADE, server='location = /live { add_header Upgrade "TLS/1.2, HTTP/1.1" '
                                 'always; return 426; }'),
           "handshake/policy_426_nginx", capture=CLIENT_LEG),
    behind(RIGHT, "handshake/policy_426_backend", hand_made("want_tls")),
    direct("handshake/policy_426_plain_get", hand_made("want_tls"),
           client=curl("http://chat.example:8080/page")),
    direct("handshake/upgrade_required_plain_get", ws(),
           client=curl("http://chat.example:8080/live")),
    behind(nginx(to='return 200 "a page\\n";'), "handshake/h2c_ignored_by_nginx",
           client=curl("--http2", "http://chat.example/page"), capture=CLIENT_LEG),
    behind(RIGHT, "handshake/backend_down_behind_nginx"),
    behind(nginx(UPGRADE + "proxy_bind 10.1.0.1;"),
           "handshake/backend_down_behind_nginx_one_address", capture=ANY),
    behind(haproxy(), "handshake/backend_down_behind_haproxy"),
    behind(apache(f"ProxyPass / ws://{BACKEND}:{PORT}/"),
           "handshake/backend_down_behind_apache_wstunnel"),
    behind(nginx(UPGRADE + "proxy_connect_timeout 5s;"),
           "handshake/backend_unreachable_behind_nginx", before=unplug_backend),
    behind(haproxy(), "handshake/client_left_unreachable_behind_haproxy", before=unplug_backend,
           client=ws_client(**HELLO, options={"handshakeTimeout": 5500})),
    behind(nginx(UPGRADE + "proxy_read_timeout 2s;"), "handshake/backend_silent_behind_nginx",
           hand_made("silent")),
    behind(haproxy(idle="2s"), "handshake/backend_silent_behind_haproxy", hand_made("silent")),
    behind(RIGHT, "handshake/backend_hangs_up_behind_nginx", hand_made("hang_up")),
    behind(RIGHT, "handshake/backend_resets_behind_nginx", hand_made("hang_up_hard")),
    behind(nginx(to="root {dir};"), "handshake/not_found_nginx"),
    behind(nginx(to="return 301 https://$host$request_uri;"), "handshake/redirected_to_https"),
    behind(RIGHT, "handshake/redirected_and_followed", ws(page=True, redirect=307),
           client=ws_client(**HELLO, options={"followRedirects": True})),
    behind(RIGHT, "handshake/challenged_then_opened", ws(challenge=True),
           client=ws_client(**HELLO, retry={"auth": "ann:secret"})),
    behind(nginx(UPGRADE + "limit_req zone=live; limit_req_status 429;",
                 http="limit_req_zone $binary_remote_addr zone=live:1m rate=1r/m;"),
           "handshake/rate_limited_by_nginx", ws(), client=ws_client(**HELLO, times=2)),
    behind(RIGHT, "handshake/server_error_websockets17", websockets("--fail")),
    behind(nginx(UPGRADE + "auth_request /auth;", server=f"""
               location = /auth {{ internal; proxy_pass http://{BACKEND}:9090/check; }}"""),
           "handshake/auth_refused_by_auth_request", ws(), ws(9090, plain=True, status=401)),
    direct("handshake/accept_wrong", hand_made("wrong_accept")),
    behind(RIGHT, "handshake/accept_wrong_through_nginx", hand_made("wrong_accept")),
    behind(haproxy(), "handshake/accept_wrong_through_haproxy", hand_made("wrong_accept")),
    behind(RIGHT, "handshake/accept_missing_through_nginx", hand_made("no_accept")),
    behind(haproxy(), "handshake/accept_missing_through_haproxy", hand_made("no_accept")),
    direct("handshake/subprotocol_not_offered", hand_made("stray_subprotocol")),
    direct("handshake/extension_not_offered", hand_made("stray_extension"),
           client=ws_client("ws://chat.example:8080/live", **HELLO,
                            options={"perMessageDeflate": False})),
    behind(RIGHT, "handshake/socketio_2_client_4_server", socketio(4),
           client=socketio_client(2, "websocket")),
    behind(RIGHT, "handshake/socketio_2_client_4_server_polling", socketio(4),
           client=socketio_client(2)),
    behind(RIGHT, "handshake/socketio_session_unknown", socketio(4),
           client=hand_made_client("unknown_session")),
]

LEFT = [
    behind(RIGHT, "handshake/client_left_early", hand_made("silent"),
           client=ws_client(leave=300)),
    behind(haproxy(), "handshake/client_left_before_late_101_haproxy", hand_made("slow"),
           client=ws_client(leave=300)),
    direct("handshake/client_left_after_1200_ms", hand_made("silent"),
           client=ws_client("ws://chat.example:8080/live", leave=1200)),
]

# ---- healthy, and not to be accused -------------------------------------------------------------

OPENED = [
    behind(RIGHT, "handshake/ok_nginx", ws()),
    behind(nginx(UPGRADE + HOST), "handshake/ok_nginx_any", websockets(), capture=ANY,
           client=websockets_client("hello", "again")),
    behind(nginx(UPGRADE + "auth_request /auth;", server=f"""
               location = /auth {{ internal; proxy_pass http://{BACKEND}:9090/check; }}"""),
           "handshake/ok_nginx_auth_request", ws(), ws(9090, plain=True, status=204)),
    behind(nginx(UPGRADE + "mirror /mirror;", server=f"""
               location = /mirror {{ internal; proxy_pass http://{BACKEND}:9090$request_uri; }}"""),
           "handshake/ok_nginx_mirror", ws(), ws(9090, plain=True)),
    behind(nginx(UPGRADE + FORWARDED, tls=True), "handshake/ok_nginx_behind_tls", ws(),
           client=ws_client("wss://chat.example/live", **HELLO)),
    # The same three without the client's leg in sight, which is TLS.
    behind(nginx(UPGRADE + "auth_request /auth;", tls=True, server=f"""
               location = /auth {{ internal; proxy_pass http://{BACKEND}:9090/check; }}"""),
           "handshake/ok_nginx_auth_request_behind_tls", ws(), ws(9090, plain=True, status=204),
           client=SECURE),
    behind(nginx(UPGRADE + "mirror /mirror;", tls=True, server=f"""
               location = /mirror {{ internal; proxy_pass http://{BACKEND}:9090$request_uri; }}"""),
           "handshake/ok_nginx_mirror_behind_tls", ws(), ws(9090, plain=True), client=SECURE),
    behind(nginx(UPGRADE, to="proxy_pass http://app;", tls=True, http=f"""
               upstream app {{ server {BACKEND}:8081; server {BACKEND}:{PORT}; }}"""),
           "handshake/ok_nginx_next_upstream_behind_tls", ws(), hand_made("hang_up", 8081),
           client=SECURE),
    behind(RIGHT, "handshake/ok_nginx_upstream_leg_only", ws(), capture=UPSTREAM_LEG),
    behind(nginx(UPGRADE, to="proxy_pass http://app;", http=f"""
               upstream app {{ server {BACKEND}:8081; server {BACKEND}:{PORT}; }}"""),
           "handshake/ok_nginx_next_upstream_after_refusal", ws()),
    behind(nginx(UPGRADE, to="proxy_pass http://app;", http=f"""
               upstream app {{ server {BACKEND}:8081; server {BACKEND}:{PORT}; }}"""),
           "handshake/ok_nginx_next_upstream_after_hang_up", ws(), hand_made("hang_up", 8081)),
    behind(apache(f"ProxyPass / http://{BACKEND}:{PORT}/ upgrade=websocket"),
           "handshake/ok_apache_upgrade_websocket", ws()),
    behind(apache(f"ProxyPass / ws://{BACKEND}:{PORT}/"), "handshake/ok_apache_wstunnel", ws()),
    behind(haproxy(), "handshake/ok_haproxy", ws()),
    behind(haproxy(), "handshake/ok_haproxy_aiohttp", aiohttp()),
    behind(RIGHT, "handshake/ok_socketio4", socketio(4), client=socketio_client(4, "websocket")),
    behind(RIGHT, "handshake/ok_socketio4_upgraded_from_polling", socketio(4),
           client=socketio_client(4)),
    behind(RIGHT, "handshake/ok_socketio2", socketio(2), client=socketio_client(2, "websocket")),
    direct("handshake/ok_direct", ws()),
    direct("handshake/ok_version_8", ws(), client=by_hand("version_8")),
    direct("handshake/ok_deflate_declined", websockets("--no-deflate")),
    behind(haproxy(), "handshake/ok_health_probe", ws(), client=ws_client(probe=True)),
    direct("handshake/ok_rfc_sample_key_three_probes", ws(), client=by_hand("sample_key_thrice")),
    behind(RIGHT, "handshake/ok_rfc_sample_key_through_nginx", ws(),
           client=hand_made_client("sample_key_thrice")),
]

# ---- how it ended -------------------------------------------------------------------------------

CLOSED = [
    behind(RIGHT, "close/1000_by_client", websockets(), client=websockets_client("hello", "bye")),
    behind(RIGHT, "close/1000_by_server", ws(), client=talk("hello", "close 1000 done")),
    behind(RIGHT, "close/1001_server_shutdown", websockets(), client=talk("hello"),
           play=end_backend(signal.SIGTERM)),
    behind(RIGHT, "close/1005_empty_by_client", ws(), client=ws_client(say=["hello"], close=[])),
    behind(RIGHT, "close/1005_empty_by_server", ws(), client=talk("hello", "close")),
    behind(RIGHT, "close/1008_policy", ws(), client=talk("hello", "close 1008 no token")),
    behind(RIGHT, "close/1009_too_big", ws(server={"maxPayload": 64}),
           client=talk("hello", "x" * 65)),
    behind(RIGHT, "close/1010_extension_not_agreed", websockets("--no-deflate"),
           client=ws_client(require="permessage-deflate")),
    behind(haproxy("http-request del-header sec-websocket-extensions"),
           "close/1010_extension_removed_by_haproxy", websockets(),
           client=ws_client(require="permessage-deflate")),
    behind(RIGHT, "close/1011_server_exception", websockets(), client=talk("hello", "raise")),
    behind(RIGHT, "close/1011_keepalive_ping_timeout", websockets("--ping", "2"),
           client=hand_made_client("ignore_pings")),
    Scenario("close/1014_bad_gateway", talk(), (), hand_made("gateway", 80)),
    behind(RIGHT, "close/4001_application", ws(), client=talk("hello", "close 4001 kicked")),
    behind(RIGHT, "close/1006_on_the_wire", hand_made("bad_code")),
    behind(RIGHT, "close/1002_unmasked_frame", ws(), client=hand_made_client("unmasked")),
    behind(RIGHT, "close/fin_by_server", ws(), client=talk("hello", "drop")),
    behind(RIGHT, "close/fin_backend_killed", ws(), client=talk("hello"),
           play=end_backend(signal.SIGKILL)),
    behind(RIGHT, "close/fin_by_client", ws(), client=hand_made_client("leave_after_a_word")),
    behind(RIGHT, "close/rst_by_server", ws(), client=talk("hello", "reset")),
    behind(RIGHT, "close/rst_by_client", ws(), client=hand_made_client("reset_after_a_word")),
    direct("close/rst_by_client_direct", ws(), client=by_hand("reset_after_a_word")),
    direct("close/fin_by_server_direct", ws(), client=ws_client(
        "ws://chat.example:8080/live", say=["hello", "drop"])),
    behind(nginx(UPGRADE + "proxy_read_timeout 3s;"), "close/idle_timeout_nginx_3s", ws(),
           client=talk("hello")),
    behind(RIGHT, "close/idle_timeout_nginx_60s", ws(), client=talk("hello", quit=80000),
           patience=9),
    behind(haproxy(idle="3s"), "close/idle_timeout_haproxy_3s", ws(), client=talk("hello")),
    behind(RIGHT, "close/client_vanished", ws(), client=talk("tick"),
           play=unplug_client, cut_short=True, patience=9),
    direct("close/client_vanished_direct", websockets("--ping", "3"),
           client=ws_client("ws://chat.example:8080/live", say=["hello"]),
           play=unplug_client, cut_short=True, patience=9),
    behind(RIGHT, "close/still_open", ws(), client=talk("hello"), play=leave_open,
           cut_short=True),
]

# ---- what a capture may lack or hold twice ------------------------------------------------------

TRANSPORT = [
    behind(RIGHT, "transport/begun_after_the_101", ws(), before=open_before, play=wait_for_client,
           client=ws_client(say=["one", "two", "three", "four", "five"], pause=700,
                            close=[1000, "bye"])),
    behind(RIGHT, "transport/one_direction_only", ws(),
           capture=tcpdump("to-client", "tcp", "src", "port", "80")),
    behind(RIGHT, "transport/snap_length_96", ws(), capture=tcpdump("any", "-s", "96", "tcp")),
    Scenario("transport/seen_twice_by_a_router",
             ws_client(f"ws://{BACKEND}:{PORT}/live", **HELLO), (ws(),), routed=True, capture=ANY),
    behind(nginx(server="listen 15001;"), "transport/redirected_on_lo", ws(), before=redirect,
           client=ws_client("ws://10.96.0.1/live", **HELLO), play=run_beside_proxy,
           capture=dumpcap("lo", "to-backend")),
    Scenario("transport/translated_by_a_router",
             ws_client("ws://chat.example/live", **HELLO), (ws(),), routed=True, before=translate,
             capture=ANY),
    behind(nginx(), "transport/two_interfaces_in_batches", ws(), sorted=False,
           client=ws_client(**HELLO, times=2)),
]

SCENARIOS = [
    *STRIPPED, *DOWNGRADED, *REFUSED, *LEFT, *OPENED, *CLOSED, *TRANSPORT, *chains.ALL, *closes.ALL, *endings.ALL,
]

# Copies: name with extension, and the scenario of which it is one.
COMPRESSED = {
    "transport/compressed.pcapng.gz": "handshake/stripped_by_nginx_default",
    "transport/compressed.pcap.zst": "handshake/ok_nginx_any",
}
