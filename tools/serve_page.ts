// Serves a page that needs no build, with the built package espalier beside it under espalier/.
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "..");
const dist = join(root, "packages/espalier/dist");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
};

/** Return the file of an address, or null. */
function fileOf(path: string, page: string): string | null {
  if (path === "/") return join(root, page);
  if (!path.startsWith("/espalier/")) return null;
  const file = normalize(join(dist, decodeURIComponent(path.slice("/espalier".length))));
  return file.startsWith(dist) && existsSync(file) && statSync(file).isFile() ? file : null;
}

/** Serve `page`, a path in the repository, and print its address. Builds the package if it is not built. */
export async function servePage(page: string): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string", default: "5173" } } });
  if (!existsSync(join(dist, "index.js"))) {
    console.error("building the package espalier");
    const [{ buildScripts }, { layoutOf }] = await Promise.all([
      import("./packages/scripts.ts"),
      import("./packages/layout.ts"),
    ]);
    await buildScripts(layoutOf("espalier"), dist);
  }
  const server = createServer(async ({ url = "/" }, answer) => {
    const file = fileOf(new URL(url, "http://localhost").pathname, page);
    if (file === null) return answer.writeHead(404).end("not found");
    answer.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain", "cache-control": "no-store" });
    return answer.end(await readFile(file));
  });
  await new Promise<void>((done) => server.listen(Number(values.port), "127.0.0.1", done));
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/ shows ${page}; Ctrl-C stops`);
}
