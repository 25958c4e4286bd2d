// A socket.io echo server of major version 2 or 4: node socketio_server.js PORT VERSION
const http = require("http");
const [port, version] = process.argv.slice(2);
const server = http.createServer((_request, response) => response.end("chat\n"));
const io =
  version === "2" ? require("socket.io-2")(server) : new (require("socket.io").Server)(server);
io.on("connection", (socket) => socket.on("chat", (text) => socket.emit("chat", text)));
server.listen(Number(port), "0.0.0.0");
