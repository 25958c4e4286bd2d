// npm http-proxy: node http_proxy.js PORT TARGET [upgrade]
// Without `upgrade` nobody listens for upgrades, as when `ws: true` or the listener is forgotten.
const http = require("http");
const [port, target, upgrade] = process.argv.slice(2);
const proxy = require("http-proxy").createProxyServer({ target });
proxy.on("error", (error) => console.log("error:", error.message));
const server = http.createServer((request, response) => proxy.web(request, response));
if (upgrade) server.on("upgrade", (request, socket, head) => proxy.ws(request, socket, head));
server.listen(Number(port), "0.0.0.0");
