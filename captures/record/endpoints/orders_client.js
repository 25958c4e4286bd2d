// npm `ws` as a client that opens one WebSocket after the other, each with a step of its own.
//   node orders_client.js URL '[{"order": "close 1000 done"}, {"close": [1001, "bye"]}, ...]'
// Every WebSocket says hello and waits for the echo, then:
// order:     tells the server this, and waits for what it does
// close:     closes with this code and reason; [] for an empty Close
// later:     closes with this code and reason `after` ms, whatever the server was told
// terminate: hangs up without a Close
// size:      sends a message of so many bytes
//   parts:     in so many fragments
//   byte:      of this byte (120, an x; random bytes if -1)
//   binary:    as a binary message
//   compress:  with permessage-deflate, if that was agreed
// refuse:    lets ws refuse a code that it will not send, which is printed, and closes with 1000
// quiet:     does not say hello
// url:       another than URL
// options:   of `new WebSocket`
// quit:      ms after which to hang up (8000)
const crypto = require("crypto");
const WebSocket = require("ws");

const [url, json] = process.argv.slice(2);
const steps = JSON.parse(json);
next();

function next() {
  const step = steps.shift();
  if (!step) return setTimeout(() => process.exit(), 200);
  const socket = new WebSocket(step.url ?? url, { perMessageDeflate: false, ...step.options });
  const patience = setTimeout(() => socket.terminate(), step.quit ?? 8000);
  let heard = false;

  const act = () => {
    if (heard) return;
    heard = true;
    if (step.order !== undefined) socket.send(step.order);
    if (step.later) setTimeout(() => socket.close(...step.later), step.after);
    if (step.terminate) socket.terminate();
    else if (step.size) sendBig(socket, step);
    else if (step.close) socket.close(...step.close);
    else if (step.refuse) {
      try {
        socket.close(step.refuse);
      } catch (error) {
        console.log("refused:", step.refuse, error.message);
        socket.close(1000);
      }
    }
  };
  socket.on("open", () => (step.quiet ? act() : socket.send("hello")));
  socket.on("message", act);
  socket.on("error", (error) => console.log("error:", error.message));
  socket.on("close", (code, reason) => {
    console.log("close:", JSON.stringify(step), code, reason.toString());
    clearTimeout(patience);
    setTimeout(next, 100);
  });
}

function sendBig(socket, { size, parts = 1, byte = 120, binary = false, compress = true }) {
  const part = Math.ceil(size / parts);
  for (let number = 1; number <= parts; number++) {
    const data = byte < 0 ? crypto.randomBytes(part) : Buffer.alloc(part, byte);
    socket.send(data, { binary, compress, fin: number === parts });
  }
}
