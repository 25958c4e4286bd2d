// A SockJS client that says hello: node sockjs_client.js URL
const SockJS = require("sockjs-client");

const socket = new SockJS(process.argv[2]);
const leave = () => {
  socket.close();
  setTimeout(() => process.exit(), 300);
};
socket.onopen = () => {
  console.log("open", socket.transport);
  socket.send("hello");
};
socket.onmessage = () => setTimeout(leave, 300);
socket.onclose = (event) => console.log("close:", event.code, event.reason);
setTimeout(leave, 8000);
