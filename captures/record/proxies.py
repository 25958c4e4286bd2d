"""More proxies as `Program`s, each in front of the one backend unless told otherwise."""

from software import BACKEND, ENDPOINTS, INSTALLED, PORT, node
from stage import Program

PYTHON = INSTALLED / "python-proxies"


def squid(*, forward: bool = False, more: str = "") -> Program:
    """Squid as Debian ships it, in front of the backend, or as a forward proxy on port 3128."""
    port = 3128 if forward else 80
    listen = f"http_port {port}" if forward else f"""
http_port {port} accel defaultsite=chat.example
cache_peer {BACKEND} parent {PORT} 0 no-query no-netdb-exchange no-digest originserver"""
    config = f"""
{listen}
{more}
http_access allow all
visible_hostname chat.example
cache deny all
pid_filename {{dir}}/squid.pid
cache_log /dev/null
access_log none
coredump_dir {{dir}}
shutdown_lifetime 0 seconds
"""
    # Without a name of its own it would share memory with the others.
    argv = ["sh", "-c", 'exec squid -N -n "wscap$$" -f "$0"', "{dir}/squid.conf"]
    return Program(argv, (port,), {"squid.conf": config}, "Squid 5.7")


def varnish(vcl: str = "") -> Program:
    config = f"""
vcl 4.1;
backend default {{ .host = "{BACKEND}"; .port = "{PORT}"; }}
{vcl}
"""
    argv = ["varnishd", "-F", "-j", "none", "-a", "0.0.0.0:80", "-f", "{dir}/default.vcl",
            "-n", "{dir}/work", "-s", "malloc,16m", "-T", "none", "-p", "thread_pools=1"]
    return Program(argv, (80,), {"default.vcl": config}, "Varnish 7.1.1")


PIPE = """
sub vcl_recv { if (req.http.Upgrade ~ "(?i)websocket") { return (pipe); } }
"""
PIPE_WITH_FIELDS = PIPE + """
sub vcl_pipe {
  if (req.http.Upgrade) {
    set bereq.http.Upgrade = req.http.Upgrade;
    set bereq.http.Connection = req.http.Connection;
  }
}
"""


def lighttpd(header: str = "") -> Program:
    config = f"""
server.modules = ( "mod_proxy" )
server.document-root = "{{dir}}"
server.port = 80
proxy.server = ( "/" => (( "host" => "{BACKEND}", "port" => {PORT} )) )
{header}
"""
    return Program(["lighttpd", "-D", "-f", "{dir}/lighttpd.conf"], (80,),
                   {"lighttpd.conf": config}, "lighttpd 1.4.69")


def caddy(site: str = f"reverse_proxy {BACKEND}:{PORT}") -> Program:
    config = f"""
{{
  admin off
  auto_https off
}}
http://chat.example:80 {{
  {site}
}}
"""
    argv = ["env", "HOME={dir}", "caddy", "run", "--config", "{dir}/Caddyfile",
            "--adapter", "caddyfile"]
    return Program(argv, (80,), {"Caddyfile": config}, "Caddy 2.6.2")


def nghttpx() -> Program:
    argv = ["nghttpx", "--frontend=0.0.0.0,80;no-tls", f"--backend={BACKEND},{PORT}",
            "--workers=1", "--errorlog-file=/dev/stderr", "--accesslog-file=/dev/null",
            "--conf=/dev/null"]
    return Program(argv, (80,), {}, "nghttpx 1.52.0")


def envoy(*, upgrade: bool = True, timeout: str = "15s", port: int = 80,
          asks: int | None = None) -> Program:
    """Envoy with one route, and WebSocket allowed on it or not; with a port to ask first, by
    ext_authz, whether the client may."""
    allowed = "upgrade_configs: [{ upgrade_type: websocket }]" if upgrade else ""
    ask, authority = "", ""
    if asks:
        ask = f"""
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              http_service:
                server_uri: {{ uri: "http://{BACKEND}:{asks}", cluster: authority, timeout: 2s }}
"""
        authority = f"""
  - name: authority
    type: STATIC
    connect_timeout: 2s
    load_assignment:
      cluster_name: authority
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{ socket_address: {{ address: {BACKEND}, port_value: {asks} }} }}
"""
    manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
    config = f"""
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 0.0.0.0, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {manager}.HttpConnectionManager
          stat_prefix: in
          {allowed}
          http_filters:{ask}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{ prefix: "/" }}
                route: {{ cluster: out, timeout: {timeout} }}
  clusters:
  - name: out
    type: STATIC
    connect_timeout: 2s
    load_assignment:
      cluster_name: out
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{ socket_address: {{ address: {BACKEND}, port_value: {PORT} }} }}
{authority}"""
    argv = [str(PYTHON / "bin" / "envoy"), "-c", "{dir}/envoy.yaml", "--disable-hot-restart",
            "--concurrency", "1", "--log-level", "warn"]
    return Program(argv, (port,), {"envoy.yaml": config}, "Envoy 1.40.0")


def traefik(middlewares: str = "", *, rule: str = "PathPrefix(`/`)") -> Program:
    """Traefik with one router. `middlewares` are those of the file, in YAML's flow style."""
    use = "middlewares: [it]" if middlewares else ""
    config = f"""
http:
  routers:
    all: {{ rule: "{rule}", service: out, {use} }}
  {f"middlewares: {middlewares}" if middlewares else ""}
  services:
    out:
      loadBalancer:
        servers: [{{ url: "http://{BACKEND}:{PORT}" }}]
"""
    argv = [str(PYTHON / "bin" / "traefik"), "--entrypoints.web.address=:80",
            "--providers.file.filename={dir}/dynamic.yml", "--log.level=ERROR",
            "--global.checknewversion=false", "--global.sendanonymoususage=false"]
    return Program(argv, (80,), {"dynamic.yml": config}, "Traefik 3.7.15")


def http_proxy(*, upgrade: bool) -> Program:
    """npm http-proxy, with or without a listener for upgrades."""
    argv = node("http_proxy.js", "80", f"http://{BACKEND}:{PORT}", "upgrade" if upgrade else "")
    return Program(argv, (80,), {}, "http-proxy 1.18.1")


def h2_client(url: str = "chat.example:80") -> Program:
    """RFC 8441 over HTTP/2 by prior knowledge, on Python h2."""
    return Program([str(PYTHON / "bin" / "python"), "-u", str(ENDPOINTS / "h2_client.py"), url],
                   (), {}, "h2 4.3.0")
