// The development server of Vite: node vite_server.mjs PORT
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const modules = process.env.NODE_PATH;
const vite = createRequire(path.join(modules, "x.js")).resolve("vite/package.json");
const { createServer } = await import(
  pathToFileURL(path.join(path.dirname(vite), "dist/node/index.js"))
);
const server = await createServer({
  configFile: false,
  root: process.cwd(),
  cacheDir: process.cwd(),
  server: { host: "0.0.0.0", port: Number(process.argv[2]), strictPort: true, watch: null },
});
await server.listen();
