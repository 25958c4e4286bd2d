// A gateway that speaks WebSocket on both sides, on npm `ws`:
//   node gateway.js PORT UPSTREAM '{"first": true, "hang_up": [1001]}'
// first:     opens towards the client before it dials upstream; else only once upstream has opened,
//            or to tell the client in a Close what became of it
// hang_up:   codes of the upstream that the client is not told: TCP ends without a Close
// Messages and Closes are passed on; an upstream that fails is a Close 1014 for the client.
const http = require("http");
const { WebSocket, WebSocketServer } = require("ws");

const [port, upstream, json] = process.argv.slice(2);
const { first, hang_up: hangUp = [] } = JSON.parse(json ?? "{}");
const server = http.createServer((_request, response) => response.writeHead(404).end());
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const pass = (to, code, reason) => (code === 1005 ? to.close() : to.close(code, reason));

server.on("upgrade", (request, socket, head) => {
  let client;
  let told = [];
  const accept = (then) =>
    sockets.handleUpgrade(request, socket, head, (opened) => {
      client = opened;
      client.on("error", (error) => console.log("client:", error.message));
      client.on("message", (data, binary) => {
        if (out.readyState === WebSocket.OPEN) out.send(data, { binary });
        else told.push([data, { binary }]);
      });
      client.on("close", (code, reason) => {
        if (out.readyState !== WebSocket.OPEN) return;
        if (code === 1006) out.close(1001, "client gone");
        else pass(out, code, reason);
      });
      if (then) then();
    });
  const fail = (why) => {
    const say = () => client.close(1014, why);
    if (client) say();
    else accept(say);
  };

  if (first) accept();
  const out = new WebSocket(upstream + request.url, {
    perMessageDeflate: false,
    headers: { "X-Forwarded-For": socket.remoteAddress.replace("::ffff:", "") },
  });
  let failed = false;
  out.on("open", () => {
    if (!client) accept();
    told.forEach((message) => out.send(...message));
  });
  out.on("unexpected-response", (_request, response) => {
    failed = true;
    fail(`upstream answered ${response.statusCode}`);
    response.destroy();
  });
  out.on("error", (error) => {
    if (!failed) fail(error.code === "ECONNREFUSED" ? "upstream refused" : error.message);
    failed = true;
  });
  out.on("message", (data, binary) => client.send(data, { binary }));
  out.on("close", (code, reason) => {
    if (failed || client.readyState !== WebSocket.OPEN) return;
    if (hangUp.includes(code)) client.terminate();
    else if (code === 1006) client.close(1014, "upstream hung up");
    else pass(client, code, reason);
  });
});
server.listen(Number(port), "0.0.0.0");
