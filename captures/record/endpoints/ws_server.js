// An echo server on npm `ws`.
//   node ws_server.js PORT '{"page": true, "server": {...}, ...}'
// page:      ws attached to an http server which answers plain requests with a page
// plain:     that http server without any ws: every request, upgrade or not, gets the page
// status:    answer every plain request with this status
// fields:    more fields of those answers
// challenge: ask for Basic credentials (401) before anything else
// redirect:  send /live elsewhere with this status
// secure:    send elsewhere (301) what was not asked for by https
// origins:   Origins let in by verifyClient
// subprotocol: "none" selects none of those offered
// drop:      hang up (FIN, no frame) as soon as it is open
// server:    options of WebSocketServer
// A client's message is echoed, unless it is one of ORDERS: then the server does that.
const http = require("http");
const { WebSocketServer } = require("ws");

const [port, json] = process.argv.slice(2);
const options = JSON.parse(json);
const settings = { perMessageDeflate: true, ...options.server };

const ORDERS = {
  close: (socket, code, ...reason) =>
    code ? socket.close(Number(code), reason.join(" ")) : socket.close(),
  drop: (socket) => socket._socket.end(), // FIN, no Close frame
  tick: (socket) => setInterval(() => socket.send("tick"), 1000),
  reset: (socket) => socket._socket.resetAndDestroy(), // RST, no Close frame
};

if (options.origins) {
  settings.verifyClient = ({ origin }) => options.origins.includes(origin);
}
if (options.subprotocol === "none") settings.handleProtocols = () => false;

let front;
let sockets;
if (["page", "plain", "challenge", "redirect", "secure"].some((name) => options[name])) {
  front = http.createServer((request, response) => {
    const status = options.status ?? 200;
    response.writeHead(status, { "Content-Type": "text/html", ...options.fields });
    response.end(`<!doctype html><title>chat</title><p>status ${status}</p>\n`);
  });
  sockets = new WebSocketServer({ ...settings, noServer: true });
  if (!options.plain) front.on("upgrade", upgrade);
  front.listen(Number(port), "0.0.0.0");
} else {
  sockets = new WebSocketServer({ ...settings, port: Number(port), host: "0.0.0.0" });
}

function upgrade(request, socket, head) {
  const refuse = (status, reason, fields) =>
    socket.end(`HTTP/1.1 ${status} ${reason}\r\n${fields}Content-Length: 0\r\n` +
      "Connection: close\r\n\r\n");
  if (options.challenge && !request.headers.authorization) {
    return refuse(401, "Unauthorized", 'WWW-Authenticate: Basic realm="chat"\r\n');
  }
  if (options.secure && request.headers["x-forwarded-proto"] !== "https") {
    return refuse(301, "Moved Permanently", `Location: https://chat.example${request.url}\r\n`);
  }
  if (options.redirect && request.url === "/live") {
    return refuse(options.redirect, "Redirect", "Location: ws://chat.example/live/\r\n");
  }
  sockets.handleUpgrade(request, socket, head, (s) => sockets.emit("connection", s, request));
}

sockets.on("connection", (socket) => {
  socket.on("error", (error) => console.log("error:", error.message));
  socket.on("close", (code) => console.log("close:", code));
  if (options.drop) socket._socket.end();
  socket.on("message", (data, binary) => {
    const [order, ...words] = binary ? [] : data.toString().split(" ");
    if (Object.hasOwn(ORDERS, order)) ORDERS[order](socket, ...words);
    else socket.send(data, { binary });
  });
});
