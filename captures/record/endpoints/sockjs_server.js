// A SockJS echo server on /echo: node sockjs_server.js PORT
const http = require("http");
const sockjs = require("sockjs");

const echo = sockjs.createServer({ log: () => {} });
echo.on("connection", (connection) => {
  connection.on("data", (message) => connection.write(message));
});
const server = http.createServer();
echo.installHandlers(server, { prefix: "/echo" });
server.listen(Number(process.argv[2]), "0.0.0.0");
