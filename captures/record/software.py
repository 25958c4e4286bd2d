"""The real software of the recordings as `Program`s: proxies, backends, clients, capture tools."""

import json
import os
import pathlib
import tempfile

from stage import BACKEND, Program

HERE = pathlib.Path(__file__).resolve().parent
ENDPOINTS = HERE / "endpoints"
INSTALLED = pathlib.Path(
    os.environ.get("WSCAP_RECORD_DIR", pathlib.Path(tempfile.gettempdir()) / "wscap-record")
)
PORT = 8080  # where the backend listens

# ---- proxies ------------------------------------------------------------------------------------

UPGRADE = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
"""
HOST = """
    proxy_set_header Host $host;
"""
FORWARDED = HOST + """
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
"""
TO_BACKEND = f"proxy_pass http://{BACKEND}:{PORT};"


def nginx(location: str = "", *, server: str = "", http: str = "", tls: bool = False,
          to: str = TO_BACKEND, port: int = 80) -> Program:
    """nginx with one location. `location`, `server`, `http` go into the block of that name."""
    listen = "443 ssl" if tls else str(port)
    keys = ""
    if tls:
        keys = "ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;"
    config = f"""
daemon off; master_process on; worker_processes 1; user root;
pid {{dir}}/nginx.pid; error_log stderr info;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {{dir}}/body; proxy_temp_path {{dir}}/proxy;
  fastcgi_temp_path {{dir}}/fastcgi; uwsgi_temp_path {{dir}}/uwsgi; scgi_temp_path {{dir}}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  {http}
  server {{
    listen {listen}; server_name chat.example; {keys}
    {server}
    location / {{ {to} {location} }}
  }}
}}
"""
    return Program(["nginx", "-e", "stderr", "-c", "{dir}/nginx.conf"],
                   (443 if tls else port,), {"nginx.conf": config}, "nginx 1.22.1")


def haproxy(frontend: str = "", *, idle: str = "30s", bind: str = ":80",
            backend: str = f"server one {BACKEND}:{PORT}") -> Program:
    """HAProxy without `timeout tunnel`; `frontend` and `backend` go into those sections."""
    config = f"""
defaults
    mode http
    timeout connect 2s
    timeout client {idle}
    timeout server {idle}
frontend in
    bind {bind}
    {frontend}
    default_backend out
backend out
    {backend}
"""
    return Program(["haproxy", "-db", "-f", "{dir}/haproxy.cfg"], (80,),
                   {"haproxy.cfg": config}, "HAProxy 2.6.12")


def apache(lines: str, *, port: int = 80) -> Program:
    """Apache httpd as Debian configures it, with its lines, mostly one ProxyPass."""
    modules = ("mpm_event", "authz_core", "proxy", "proxy_http", "proxy_wstunnel")
    loads = "\n".join(f"LoadModule {m}_module modules/mod_{m}.so" for m in modules)
    config = f"""
ServerRoot /usr/lib/apache2
{loads}
ServerName chat.example
ServerTokens OS
PidFile {{dir}}/apache.pid
DefaultRuntimeDir {{dir}}
ErrorLog /dev/stderr
Listen {port}
StartServers 1
{lines}
"""
    return Program(["apache2", "-DFOREGROUND", "-f", "{dir}/apache.conf"], (port,),
                   {"apache.conf": config}, "Apache 2.4.71")


# ---- backends -----------------------------------------------------------------------------------

def node(script: str, *argv: str) -> list[str]:
    modules = INSTALLED / "node" / "node_modules"
    return ["env", f"NODE_PATH={modules}", "node", str(ENDPOINTS / script), *argv]


def python(script: str, *argv: str, venv: str = "python") -> list[str]:
    return [str(INSTALLED / venv / "bin" / "python"), "-u", str(ENDPOINTS / script), *argv]


def ws(port: int = PORT, **options) -> Program:
    """An echo server on npm `ws`; `endpoints/ws_server.js` tells the options."""
    return Program(node("ws_server.js", str(port), json.dumps(options)), (port,), {}, "ws 8.23.0")


def websocket_node() -> Program:
    """npm `websocket`, which is another than `ws`."""
    return Program(node("websocket_node_server.js", str(PORT)), (PORT,), {},
                   "WebSocket-Node 1.0.35")


def websockets(*options: str, version: int = 17) -> Program:
    venv = "python" if version == 17 else f"python-websockets-{version}"
    label = {17: "websockets 17.4", 15: "websockets 15.0.1", 12: "websockets 12.0"}[version]
    return Program(python("websockets_server.py", str(PORT), *options, venv=venv),
                   (PORT,), {}, label)


def aiohttp() -> Program:
    return Program(python("aiohttp_server.py", str(PORT)), (PORT,), {}, "aiohttp 3.14.5")


def tornado() -> Program:
    return Program(python("tornado_server.py", str(PORT)), (PORT,), {}, "tornado 6.6.1")


def uvicorn() -> Program:
    argv = [str(INSTALLED / "python" / "bin" / "python"), "-m", "uvicorn", "--app-dir",
            str(ENDPOINTS), "--host", "0.0.0.0", "--port", str(PORT), "uvicorn_app:app"]
    return Program(argv, (PORT,), {}, "uvicorn 0.54.0")


def socketio(version: int = 4) -> Program:
    return Program(node("socketio_server.js", str(PORT), str(version)), (PORT,), {},
                   {2: "socket.io 2.5.1", 4: "socket.io 4.8.4"}[version])


def hand_made(conduct: str, port: int = PORT) -> Program:
    """A socket that does what no honest server would; `endpoints/hand_made_server.py`."""
    return Program(python("hand_made_server.py", str(port), conduct), (port,), {},
                   "hand-made endpoint")


# ---- clients ------------------------------------------------------------------------------------

def ws_client(url: str = "ws://chat.example/live", **plan) -> Program:
    """npm `ws` as the client; `endpoints/ws_client.js` tells what a plan may hold."""
    return Program(node("ws_client.js", url, json.dumps(plan)), (), {}, "ws 8.23.0")


def websockets_client(*say: str, url: str = "ws://chat.example/live", proxy: str = "") -> Program:
    argv = python("websockets_client.py", url, *say)
    return Program(["env", f"https_proxy={proxy}", *argv], (), {}, "websockets 17.4")


def socketio_client(version: int, *transports: str, url: str = "http://chat.example") -> Program:
    return Program(node("socketio_client.js", url, str(version), *transports), (), {},
                   {2: "socket.io-client 2.5.0", 4: "socket.io-client 4.8.4"}[version])


def hand_made_client(conduct: str, to: str = "chat.example:80") -> Program:
    return Program(python("hand_made_client.py", to, conduct), (), {}, "hand-made endpoint")


def curl(*argv: str) -> Program:
    return Program(["curl", "--silent", "--show-error", "--max-time", "5", "--include", *argv],
                   (), {}, "curl 7.88.1")


# ---- capture tools ------------------------------------------------------------------------------

def dumpcap(*interfaces: str) -> tuple[str, list[str], str]:
    """pcapng with one interface block each. Returns extension, command line, sign of readiness."""
    pairs = [word for interface in interfaces for word in ("-i", interface)]
    return "pcapng", ["dumpcap", "-q", "-f", "tcp", *pairs, "-w", "{file}"], "File: "


def tcpdump(interface: str, *words: str) -> tuple[str, list[str], str]:
    """Classic pcap: Ethernet from one interface, LINUX_SLL2 from `any`."""
    filters = words or ("tcp",)
    return "pcap", ["tcpdump", "-i", interface, "-U", "-n", "-Z", "root", "-w", "{file}",
                    *filters], "listening on"


BOTH_LEGS = dumpcap("to-client", "to-backend")
CLIENT_LEG = tcpdump("to-client")
UPSTREAM_LEG = tcpdump("to-backend")
ANY = tcpdump("any")
