// An echo server on npm `websocket` (WebSocket-Node): node websocket_node_server.js PORT
// Its router knows the path /live and the subprotocol chat; /private it refuses in words.
const http = require("http");
const { server: WebSocketServer, router: WebSocketRouter } = require("websocket");

const front = http.createServer((_request, response) => response.writeHead(404).end());
const server = new WebSocketServer({ httpServer: front });
const router = new WebSocketRouter({ server });
router.mount("/live", "*", (request) => {
  const connection = request.accept(request.origin);
  connection.on("message", (message) => connection.sendUTF(message.utf8Data));
});
router.mount("/private", "*", (request) => request.reject(403, "members only"));
front.listen(Number(process.argv[2]), "0.0.0.0");
