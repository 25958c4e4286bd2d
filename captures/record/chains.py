"""Recordings of proxies in a row, of proxies other than the usual three, and of sub-requests."""

import os
import signal
import time

from proxies import (
    PIPE, PIPE_WITH_FIELDS, caddy, envoy, h2_client, http_proxy, lighttpd, nghttpx, squid, traefik,
    varnish,
)
from scenario import HELLO, Capture, Scenario, behind, by_hand, direct
from software import (
    ANY, FORWARDED, HOST, PORT, UPGRADE, apache, dumpcap, hand_made, hand_made_client, haproxy,
    nginx, socketio, tornado, websocket_node, websockets, websockets_client, ws, ws_client,
)
from stage import BACKEND, CHAIN_BACKEND, SECOND, THIRD, Program, Stage

# ---- client → HAProxy → nginx → Apache → backend ------------------------------------------------

FIRST_TWO_LEGS = dumpcap("to-client", "to-second")
# Each leg once: the hosts of HAProxy and of Apache see two legs each.
TWO_HOSTS = (("third", dumpcap("to-second", "to-backend")),)
# As `tcpdump` on every host would have it: the legs in the middle twice.
THREE_HOSTS = (
    ("second", dumpcap("to-proxy", "to-third")),
    ("third", dumpcap("to-second", "to-backend")),
)


def chain(name: str, *backends: Program, front: str = "", middle: str = UPGRADE,
          last: str = "upgrade=websocket", elsewhere: tuple[tuple[str, Capture], ...] = TWO_HOSTS,
          **rest) -> Scenario:
    """Each proxy on a host of its own; `front`, `middle`, `last` are what may be wrong in them."""
    rest = {"capture": FIRST_TWO_LEGS, **rest}
    return behind(
        haproxy(front, backend=f"server one {SECOND}:80"), name, *(backends or (ws(),)),
        further=(
            nginx(middle, to=f"proxy_pass http://{THIRD}:80;"),
            apache(f"ProxyPass / http://{CHAIN_BACKEND}:{PORT}/ {last}"),
        ),
        elsewhere=elsewhere, **rest)


def on_one_host(name: str, *more: Program, front: str = "", middle: str = UPGRADE,
                server: str = "", last: str = "upgrade=websocket") -> Scenario:
    """All three on one host, which speak over `lo`, captured on `any`."""
    return behind(
        haproxy(front, backend="server one 127.0.0.1:8081"), name, ws(), *more,
        further=(
            nginx(middle, server=server, to="proxy_pass http://127.0.0.1:8082;", port=8081),
            apache(f"ProxyPass / http://{BACKEND}:{PORT}/ {last}", port=8082),
        ),
        one_host=True, capture=ANY)


DELETES = "http-request del-header upgrade"
FIRST_LEG = dumpcap("to-client")

CHAINS = [
    chain("handshake/chain_ok"),
    chain("handshake/chain_stripped_by_first_haproxy", front=DELETES),
    chain("handshake/chain_stripped_by_second_nginx", middle=""),
    chain("handshake/chain_stripped_by_second_nginx_websockets17", websockets(),
          middle="proxy_http_version 1.1;"),
    chain("handshake/chain_stripped_by_third_apache", last=""),
    chain("handshake/chain_stripped_by_third_apache_with_x_forwarded_for", last="",
          front="option forwardfor", middle=UPGRADE + FORWARDED),
    chain("handshake/chain_key_replaced_by_first_haproxy",
          front="http-request del-header sec-websocket-key"),
    chain("handshake/chain_ok_second_leg_unseen", capture=FIRST_LEG),
    chain("handshake/chain_stripped_second_leg_unseen", capture=FIRST_LEG, middle=""),
    chain("handshake/chain_stripped_middle_unseen_forwarded", capture=FIRST_LEG,
          front="option forwardfor", middle=HOST + """
              proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;""",
          elsewhere=(("third", dumpcap("to-backend")),)),
    chain("handshake/chain_backend_down", Program(["true"])),
    chain("handshake/chain_ok_three_hosts", elsewhere=THREE_HOSTS, apart=True),
    chain("handshake/chain_stripped_by_second_three_hosts", middle="", elsewhere=THREE_HOSTS,
          apart=True),
    chain("handshake/chain_stripped_by_second_three_hosts_merged", middle="",
          elsewhere=THREE_HOSTS),
    on_one_host("handshake/chain_one_host_ok"),
    on_one_host("handshake/chain_one_host_auth_refused_by_second_nginx",
                ws(9090, plain=True, status=401), middle=UPGRADE + "auth_request /auth;",
                server=f"location = /auth {{ internal; proxy_pass http://{BACKEND}:9090/check; }}"),
    on_one_host("handshake/chain_one_host_stripped_by_first_haproxy", front=DELETES),
    on_one_host("handshake/chain_one_host_stripped_by_second_nginx", middle=""),
    on_one_host("handshake/chain_one_host_stripped_by_third_apache", last=""),
]

# ---- other proxies ------------------------------------------------------------------------------

OTHERS = [
    behind(squid(forward=True), "handshake/ok_squid_tunnel", ws(),
           client=websockets_client("hello", "again", url=f"ws://backend.example:{PORT}/live",
                                    proxy="http://chat.example:3128")),
    behind(squid(forward=True), "handshake/stripped_by_squid_forward", ws(),
           client=hand_made_client("through_forward_proxy", "chat.example:3128")),
    behind(squid(), "handshake/stripped_by_squid_reverse", ws()),
    behind(squid(more="http_upgrade_request_protocols websocket allow all"),
           "handshake/ok_squid_reverse", ws()),
    behind(varnish(), "handshake/stripped_by_varnish", ws()),
    behind(varnish(PIPE), "handshake/stripped_by_varnish_pipe", ws()),
    behind(varnish(PIPE_WITH_FIELDS), "handshake/ok_varnish_pipe", ws()),
    behind(varnish(), "handshake/backend_down_behind_varnish"),
    behind(lighttpd(), "handshake/stripped_by_lighttpd", ws()),
    behind(lighttpd('proxy.header = ( "upgrade" => "enable" )'), "handshake/ok_lighttpd", ws()),
    behind(caddy(), "handshake/ok_caddy", ws()),
    behind(caddy(), "handshake/backend_down_behind_caddy"),
    behind(caddy(), "handshake/backend_hangs_up_behind_caddy", hand_made("hang_up")),
    behind(nghttpx(), "handshake/ok_nghttpx", ws()),
    behind(nghttpx(), "handshake/h2c_instead_of_websocket_nghttpx", ws(),
           client=hand_made_client("websocket_or_h2c")),
    behind(nghttpx(), "handshake/list_of_protocols_refused_by_ws", ws(),
           client=hand_made_client("websocket_or_h2c_in_a_list")),
    behind(envoy(), "handshake/ok_envoy", ws()),
    behind(envoy(upgrade=False), "handshake/not_allowed_by_envoy", ws()),
    behind(envoy(asks=9090), "handshake/ok_envoy_ext_authz", ws(), ws(9090, plain=True)),
    behind(envoy(asks=9090), "handshake/auth_refused_by_envoy_ext_authz", ws(),
           ws(9090, plain=True, status=403)),
    behind(envoy(), "handshake/backend_down_behind_envoy"),
    behind(envoy(timeout="2s"), "handshake/backend_silent_behind_envoy", hand_made("silent")),
    behind(traefik(), "handshake/ok_traefik", ws()),
    behind(traefik(), "handshake/backend_down_behind_traefik"),
    behind(traefik(rule="Host(`other.example`)"), "handshake/not_found_traefik", ws()),
    behind(traefik(), "handshake/redirected_behind_traefik", ws(secure=True)),
    behind(traefik(), "handshake/other_protocol_in_101_behind_traefik",
           hand_made("other_protocol")),
    behind(caddy(), "handshake/other_protocol_in_101_behind_caddy", hand_made("other_protocol")),
    behind(http_proxy(upgrade=True), "handshake/ok_http_proxy", ws()),
    behind(http_proxy(upgrade=False), "handshake/answer_not_relayed_by_http_proxy", ws(),
           client=ws_client(**HELLO, options={"handshakeTimeout": 2000})),
    behind(haproxy(bind=":80 proto h2"), "handshake/ok_haproxy_from_http2", ws(),
           client=h2_client()),
    # nginx speaks HTTP/1.0 to Envoy, which takes none.
    Scenario("handshake/http10_refused_by_envoy", ws_client(**HELLO), (ws(),),
             nginx(UPGRADE.replace("1.1", "1.0"), to="proxy_pass http://127.0.0.1:8081;"),
             further=(envoy(port=8081),), one_host=True, capture=ANY),
]

# ---- what else stands in the rows of the catalogue ----------------------------------------------

HTTP10 = nginx(UPGRADE.replace("1.1", "1.0"))
RIGHT = nginx(UPGRADE)

ROWS = [
    behind(HTTP10, "handshake/http10_hung_up_on_by_websockets15", websockets(version=15)),
    behind(nginx(), "handshake/stripped_by_nginx_default_websockets15", websockets(version=15)),
    behind(haproxy(f"{DELETES}\n    http-response set-header server haproxy"),
           "handshake/stripped_by_haproxy_which_names_itself", ws()),
    behind(apache(f"ProxyPass / http://{BACKEND}:{PORT}/"),
           "handshake/stripped_by_apache_plain_websockets12",
           websockets("--anonymous", version=12)),
    behind(nginx(to="proxy_pass http://127.0.0.1:8081;"),
           "handshake/chain_nginx_default_apache_wstunnel", ws(),
           further=(apache(f"ProxyPass / ws://{BACKEND}:{PORT}/", port=8081),), one_host=True,
           capture=ANY),
    behind(nginx(UPGRADE, to="proxy_pass http://127.0.0.1:443;"),
           "handshake/plain_http_to_tls_port_nginx", ws(), further=(nginx(UPGRADE, tls=True),),
           one_host=True, capture=ANY),
    behind(nginx('proxy_http_version 1.1; proxy_set_header Connection "keep-alive";'),
           "handshake/opened_without_upgrade_keep_alive", hand_made("upgrade_anyway")),
    direct("handshake/challenged", ws(challenge=True)),
    behind(nginx(), "handshake/opened_without_upgrade_through_nginx", hand_made("upgrade_anyway")),
    behind(haproxy(), "handshake/backend_resets_behind_haproxy", hand_made("hang_up_hard")),
    behind(haproxy(), "handshake/key_short_haproxy", ws(), client=hand_made_client("short_key")),
    direct("handshake/upgrade_missing_in_101", hand_made("no_upgrade")),
    direct("handshake/connection_missing_in_101", hand_made("no_connection")),
    direct("handshake/opened_and_dropped", ws(drop=True)),
    behind(RIGHT, "handshake/http_after_101_socketio", socketio(4),
           client=hand_made_client("engine_io_without_version")),
    direct("handshake/key_missing_websocket_node", websocket_node(), client=by_hand("no_key")),
    direct("handshake/post_tornado", tornado(), client=by_hand("post")),
    direct("handshake/post_websockets17", websockets(), client=by_hand("post")),
    direct("handshake/two_versions_tornado", tornado(), client=by_hand("two_versions")),
]

# ---- sub-requests, and tries of a proxy: healthy, and not to be accused -------------------------

INHERITED = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " \
    "proxy_set_header Connection $connection_upgrade;"
TWO_SERVERS = f"""option redispatch 1
    retries 2
    server one {BACKEND}:8081
    server two {BACKEND}:{PORT}"""


def auth_request(status: int, *, inherited: bool = False, **fields: str) -> tuple:
    """nginx with auth_request, and what it asks."""
    lines = UPGRADE if inherited else ""
    proxy = nginx(("" if inherited else UPGRADE) + "auth_request /auth;", server=f"""
        {lines}
        location = /auth {{ internal; proxy_pass http://{BACKEND}:9090/check; }}""")
    return proxy, ws(9090, plain=True, status=status, fields=fields)


LOGIN, ASKED_FOR_LOGIN = auth_request(302, Location="https://login.example/")
ALLOWED, ASKED_WITH_UPGRADE = auth_request(204, inherited=True)
FORWARD_AUTH = f"""
  forward_auth {BACKEND}:9090 {{
    uri /check
  }}
  reverse_proxy {BACKEND}:{PORT}"""


def second_address(stage: Stage, _: Scenario) -> None:
    stage.add_address("client", "to-proxy", "10.1.0.3")


def crowd(stage: Stage, s: Scenario) -> None:
    """The proxy stands still until all clients have asked, and then has them all at once."""
    proxy = stage.processes[len(s.backends)]
    os.killpg(proxy.pid, signal.SIGSTOP)
    client = stage.start("client", s.client)
    time.sleep(1)
    os.killpg(proxy.pid, signal.SIGCONT)
    client.wait(20)


CLEARED = [
    behind(LOGIN, "handshake/auth_redirected_by_auth_request", ws(), ASKED_FOR_LOGIN),
    behind(ALLOWED, "handshake/ok_nginx_auth_request_inherited", ws(), ASKED_WITH_UPGRADE),
    behind(nginx("mirror /mirror;", server=f"""{UPGRADE}
               location = /mirror {{ internal; proxy_pass http://{BACKEND}:9090$request_uri; }}"""),
           "handshake/ok_nginx_mirror_inherited", ws(), ws(9090, plain=True)),
    behind(caddy(FORWARD_AUTH), "handshake/ok_caddy_forward_auth", ws(), ws(9090, plain=True)),
    behind(caddy(FORWARD_AUTH), "handshake/auth_refused_by_caddy_forward_auth", ws(),
           ws(9090, plain=True, status=401)),
    behind(traefik(f'{{ it: {{ forwardAuth: {{ address: "http://{BACKEND}:9090/check" }} }} }}'),
           "handshake/ok_traefik_forward_auth", ws(), ws(9090, plain=True)),
    behind(haproxy(backend=TWO_SERVERS), "handshake/ok_haproxy_redispatch", ws()),
    behind(haproxy(backend=f"retry-on 503\n    {TWO_SERVERS}"), "handshake/ok_haproxy_retry_on",
           ws(), ws(8081, plain=True, status=503)),
    behind(RIGHT, "handshake/ok_same_key_again", ws(), client=hand_made_client("same_key_again")),
    behind(RIGHT, "handshake/ok_same_key_two_clients", ws(), before=second_address,
           client=hand_made_client("same_key_two_clients")),
    behind(nginx(UPGRADE + FORWARDED), "handshake/ok_same_key_two_clients_forwarded", ws(),
           before=second_address, client=hand_made_client("same_key_two_clients")),
    behind(RIGHT, "handshake/backend_down_behind_nginx_crowd", play=crowd,
           client=ws_client(**HELLO, crowd=6, quit=3000)),
    behind(nginx(UPGRADE, to="proxy_pass http://app;", http=f"""
               upstream app {{ server {BACKEND}:8081 max_fails=0; server {BACKEND}:{PORT}; }}"""),
           "handshake/ok_nginx_next_upstream_crowd", ws(), play=crowd,
           client=ws_client(**HELLO, crowd=6, quit=4000)),
]

ALL = [*CHAINS, *OTHERS, *ROWS, *CLEARED]
