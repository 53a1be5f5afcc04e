// Set-up of the demo tests: builds the site once and serves it in a subfolder, as a strict static host would.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of the site's folder, ending in "/". */
    readonly site: string;
    /** The built files. */
    readonly siteFolder: string;
  }
}

/** A deep path, so that a request to the root fails. */
const BASE = "/some/deep/path/";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".gz": "application/gzip",
};

/** Stricter than the page's policy: only files of the site. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Run `vite build` in a separate process, because the test's NODE_ENV would change the page. */
async function build(folder: string): Promise<void> {
  const cwd = fileURLToPath(new URL("../../..", import.meta.url));
  const vite = join(dirname(createRequire(import.meta.url).resolve("vite/package.json")), "bin/vite.js");
  const { NODE_ENV: _, VITEST: __, ...env } = process.env;
  const options = ["build", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
  await promisify(execFile)(process.execPath, [vite, ...options], { cwd, env });
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "espalier-demo-"));
  await build(folder);

  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "", "http://site").pathname);
    const file = join(folder, normalize(path.slice(BASE.length - 1)).replace(/\/$/, "/index.html"));
    const found = path.startsWith(BASE) && (await stat(file).catch(() => null))?.isFile();
    if (!found) return void response.writeHead(404).end("not found");
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
    });
    response.end(await readFile(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  project.provide("site", `http://localhost:${port}${BASE}`);
  project.provide("siteFolder", folder);
  return async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  };
}
