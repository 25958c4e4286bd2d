// An echo server on npm `websocket` (WebSocket-Node): node websocket_node_server.js PORT
const http = require("http");
const { server: WebSocketServer } = require("websocket");
const front = http.createServer((_request, response) => response.writeHead(404).end());
const sockets = new WebSocketServer({ httpServer: front, autoAcceptConnections: true });
sockets.on("connect", (socket) => socket.on("message", (text) => socket.sendUTF(text.utf8Data)));
front.listen(Number(process.argv[2]), "0.0.0.0");
