// npm `ws` as a server whose WebSockets last.
//   node lasting_server.js PORT '{"ping": 1000, ...}'
// mute:      never says a word, nor answers a ping
// ping:      ms between pings to each client
// tick:      ms between text messages to each client
// heartbeat: ms of the heartbeat of the library's README: who has not answered is terminated
// idle:      ms without a message after which it terminates a connection
// lifetime:  ms after the opening at which it does so in any case
// drop:      FIN as soon as it is open, without a frame
// die:       bytes received on a connection after which the process is killed
// destroy:   bytes received on a connection after which the connection is destroyed
// throws:    length of a message from which on the handler throws, which ends the process
// rolling:   on SIGTERM it ends its connections one after the other, ms apart, without a Close
// server:    options of WebSocketServer
// A client's first message is echoed.
const { WebSocketServer } = require("ws");

const [port, json] = process.argv.slice(2);
const options = JSON.parse(json);
const sockets = new WebSocketServer({
  port: Number(port), host: "0.0.0.0", autoPong: !options.mute, ...options.server,
});

sockets.on("connection", (socket, request) => {
  if (options.drop) return void socket._socket.end();
  socket.isAlive = true;
  socket.on("pong", () => { socket.isAlive = true; });
  socket.on("error", (error) => console.log("error:", error.message));
  socket.once("message", (data, binary) => {
    if (!options.mute) socket.send(data, { binary });
  });
  if (options.throws) {
    socket.on("message", (data) => {
      if (data.length >= options.throws) throw new Error("a large message");
    });
  }
  const timers = [];
  if (options.ping) timers.push(setInterval(() => socket.ping(), options.ping));
  if (options.tick) timers.push(setInterval(() => socket.send("tick"), options.tick));
  if (options.idle) {
    const timer = setTimeout(() => socket.terminate(), options.idle);
    timers.push(timer);
    socket.on("message", () => timer.refresh());
  }
  if (options.lifetime) timers.push(setTimeout(() => socket.terminate(), options.lifetime));
  socket.on("close", (code) => {
    console.log("close:", code);
    timers.forEach(clearInterval);
  });
  const wire = request.socket;
  wire.on("data", () => {
    if (options.die && wire.bytesRead >= options.die) process.kill(process.pid, "SIGKILL");
    if (options.destroy && wire.bytesRead >= options.destroy) wire.destroy();
  });
});

if (options.heartbeat) {
  setInterval(() => {
    sockets.clients.forEach((socket) => {
      if (!socket.isAlive) return socket.terminate();
      socket.isAlive = false;
      socket.ping();
    });
  }, options.heartbeat);
}

if (options.rolling) {
  process.on("SIGTERM", () => {
    [...sockets.clients].forEach((socket, i) =>
      setTimeout(() => socket._socket.end(), i * options.rolling));
    setTimeout(() => process.exit(), (sockets.clients.size + 2) * options.rolling);
  });
}
