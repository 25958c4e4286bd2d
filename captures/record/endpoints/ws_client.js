// npm `ws` as the client.
//   node ws_client.js 'URL [URL...]' '{"say": ["hello"], "close": [1000, "bye"], ...}'
// say:       text messages; each but the last waits for its echo. After the last echo: `close`
// close:     code and reason of our Close; [] for an empty one; absent: wait for the server's
// pause:     ms to wait before each message
// quit:      ms after which to end in any case (8000)
// leave:     ms after which to go away, open or not
// probe:     hang up (FIN, no frame) as soon as it is open
// options:   of `new WebSocket`; protocols: the subprotocols offered
// retry:     options for a second try after a 401
// require:   an extension without which to close with 1010
// crowd:     how many at one time (1)
// times:     how many WebSockets, one after the other (as many as there are URLs)
const WebSocket = require("ws");

const [argument, json] = process.argv.slice(2);
const urls = argument.split(" ");
const plan = { say: [], pause: 0, quit: 8000, times: urls.length, ...JSON.parse(json) };
plan.options = { rejectUnauthorized: false, ...plan.options };
setTimeout(() => process.exit(), plan.quit);
for (let one = 0; one < (plan.crowd ?? 1); one++) connect(plan.options, plan.times);

function connect(options, times) {
  const say = [...plan.say];
  const url = urls[(plan.times - times) % urls.length];
  const socket = new WebSocket(url, plan.protocols ?? [], options);
  const next = () => {
    if (say.length) setTimeout(() => socket.send(say.shift()), plan.pause);
    else if (plan.close) socket.close(...plan.close);
  };
  let retried = false;

  socket.on("open", () => {
    console.log("open", socket.protocol, socket.extensions);
    if (plan.probe) socket._socket.end();
    else if (plan.require && !socket.extensions.includes(plan.require)) {
      socket.close(1010, plan.require);
    } else next();
  });
  socket.on("message", next);
  if (plan.retry && options === plan.options) {
    socket.on("unexpected-response", (request, response) => {
      console.log("answer", response.statusCode);
      retried = true;
      response.on("end", () => connect({ ...options, ...plan.retry }, 1)).resume();
    });
  }
  socket.on("error", (error) => console.log("error:", error.message));
  socket.on("close", (code, reason) => {
    console.log("close:", code, reason.toString());
    if (times > 1 && !retried) setTimeout(connect, 300, options, times - 1);
    else if (!retried && !plan.crowd) setTimeout(() => process.exit(), 200);
  });
  if (plan.leave) setTimeout(() => socket.terminate(), plan.leave);
}
