// Vite's part of the demo without a network: tells the service worker (demo/offline/sw.ts) which files the site is made of.
import { createHash } from "node:crypto";

const ENTRY = "sw.js";
/** Kept when first used: not every visitor wants them. */
const LATER = /^fashion|\.map$/;

interface Chunk {
  readonly type: "chunk";
  readonly fileName: string;
  code: string;
}
interface Asset {
  readonly type: "asset";
  readonly fileName: string;
  readonly source: string | Uint8Array;
}

/** The files to keep, from the folder's own address on, and a name for just this set of contents. */
export function listSite(bundle: Readonly<Record<string, Chunk | Asset>>): { files: string[]; version: string } {
  const kept = Object.values(bundle)
    .filter(({ fileName }) => fileName !== ENTRY && !LATER.test(fileName))
    .sort((a, b) => (a.fileName < b.fileName ? -1 : 1));
  const hash = createHash("sha256");
  for (const file of kept) hash.update(file.fileName).update(file.type === "chunk" ? file.code : file.source);
  // The folder's address is how most visitors come.
  return { files: ["./", ...kept.map(({ fileName }) => fileName)], version: hash.digest("hex").slice(0, 16) };
}

export const offline = {
  name: "offline",
  apply: "build" as const,
  generateBundle: {
    order: "post" as const,
    handler(_options: unknown, bundle: Record<string, Chunk | Asset>): void {
      const worker = bundle[ENTRY];
      // Builds of something else, as of a Web Worker, have none.
      if (worker?.type !== "chunk") return;
      const { files, version } = listSite(bundle);
      worker.code = worker.code
        .replace(/\b__FILES__\b/g, () => JSON.stringify(files))
        .replace(/\b__VERSION__\b/g, () => JSON.stringify(version));
    },
  },
};
