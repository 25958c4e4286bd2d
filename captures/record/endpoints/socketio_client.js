// A socket.io client of major version 2 or 4, one try:
//   node socketio_client.js URL VERSION [TRANSPORT...]
const [url, version, ...transports] = process.argv.slice(2);
const io = version === "2" ? require("socket.io-client") : require("socket.io-client-4").io;
const socket = io(url, {
  reconnection: false,
  timeout: 4000,
  ...(transports.length ? { transports } : {}),
});
const leave = () => {
  socket.close();
  setTimeout(() => process.exit(), 300);
};
socket.on("connect", () => {
  console.log("connect");
  socket.emit("chat", "hello");
});
socket.on("chat", () => setTimeout(leave, 500));
for (const event of ["connect_error", "error", "connect_timeout"]) {
  socket.on(event, (error) => {
    console.log(event, String(error));
    setTimeout(leave, 300);
  });
}
setTimeout(leave, 6000);
