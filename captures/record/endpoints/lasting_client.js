// npm `ws` as a client whose WebSockets last, until somebody ends them.
//   node lasting_client.js URL '{"crowd": 4, "stagger": 300, ...}'
// crowd:     how many (1), all at one time, or `stagger` ms one after the other
// say:       what each says first ("hello")
// ping:      ms between pings; pause: how many it sends before it stops (no end)
// chat:      ms between text messages; size: how long each is (5)
// close:     ms after which each closes with 1000
// leave:     ms after which each goes away, without a Close
// large:     a message of so many bytes, a second after the opening; sent: how many of them leave,
//            `then` ("wait", "leave": FIN, "reset": RST) says what follows
// keepalive: TCP keepalive, with what the kernel is set to
// quit:      ms after which to end in any case (20000)
// options:   of `new WebSocket`
const WebSocket = require("ws");
const { randomFillSync } = require("crypto");

const [url, json] = process.argv.slice(2);
const plan = { crowd: 1, stagger: 0, say: "hello", size: 5, quit: 20000, ...JSON.parse(json) };
for (let one = 0; one < plan.crowd; one++) setTimeout(connect, one * plan.stagger);
setTimeout(() => process.exit(), plan.quit).unref();

function connect() {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...plan.options });
  const timers = [];
  socket.on("open", () => {
    if (plan.keepalive) socket._socket.setKeepAlive(true);
    if (plan.say) socket.send(plan.say);
    if (plan.ping) timers.push(setInterval(() => socket.ping(), plan.ping));
    if (plan.pause) timers.push(setTimeout(() => clearInterval(timers[0]), plan.pause));
    if (plan.chat) timers.push(setInterval(() => socket.send("x".repeat(plan.size)), plan.chat));
    if (plan.close) timers.push(setTimeout(() => socket.close(1000, "bye"), plan.close));
    if (plan.leave) timers.push(setTimeout(() => socket.terminate(), plan.leave));
    if (plan.large) timers.push(setTimeout(half, 1000, socket._socket));
  });
  socket.on("error", (error) => console.log("error:", error.message));
  socket.on("close", (code, reason) => {
    console.log("close:", code, reason.toString());
    timers.forEach(clearInterval);
  });
}

// The frame by hand: its head tells the whole length, whatever follows.
function half(stream) {
  const head = Buffer.alloc(14);
  head.writeUInt16BE(0x82ff);
  head.writeBigUInt64BE(BigInt(plan.large), 2);
  randomFillSync(head, 10);
  stream.write(head);
  stream.write(randomFillSync(Buffer.alloc(plan.sent ?? plan.large)), () => {
    if (plan.then === "leave") stream.end();
    if (plan.then === "reset") stream.resetAndDestroy();
  });
}
