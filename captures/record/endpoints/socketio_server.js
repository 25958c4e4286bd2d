// A socket.io echo server of major version 2 or 4:
//   node socketio_server.js PORT VERSION '{"transports": [...], "refuse": true}'
// refuse: its allowRequest lets nobody in; all else are options of the server
const http = require("http");
const [port, version, json] = process.argv.slice(2);
const { refuse, ...options } = JSON.parse(json ?? "{}");
if (refuse) options.allowRequest = (_request, done) => done(null, false);
const server = http.createServer((_request, response) => response.end("chat\n"));
const io = version === "2"
  ? require("socket.io-2")(server, options)
  : new (require("socket.io").Server)(server, options);
io.on("connection", (socket) => socket.on("chat", (text) => socket.emit("chat", text)));
server.listen(Number(port), "0.0.0.0");
