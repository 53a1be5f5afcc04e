// Vite plugin for the offline demo: writes the list of the site's files into the service worker (demo/offline/sw.ts).
import { createHash } from "node:crypto";

const ENTRY = "sw.js";
/** Files that the service worker caches at first use, not at installation. */
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

/** List the files to cache, relative to the site's folder, with a hash of their contents. */
export function listSite(bundle: Readonly<Record<string, Chunk | Asset>>): { files: string[]; version: string } {
  const kept = Object.values(bundle)
    .filter(({ fileName }) => fileName !== ENTRY && !LATER.test(fileName))
    .sort((a, b) => (a.fileName < b.fileName ? -1 : 1));
  const hash = createHash("sha256");
  for (const file of kept) hash.update(file.fileName).update(file.type === "chunk" ? file.code : file.source);
  // Most visitors open the folder's URL.
  return { files: ["./", ...kept.map(({ fileName }) => fileName)], version: hash.digest("hex").slice(0, 16) };
}

export const offline = {
  name: "offline",
  apply: "build" as const,
  generateBundle: {
    order: "post" as const,
    handler(_options: unknown, bundle: Record<string, Chunk | Asset>): void {
      const worker = bundle[ENTRY];
      // Other builds, such as that of a Web Worker, have no service worker.
      if (worker?.type !== "chunk") return;
      const { files, version } = listSite(bundle);
      worker.code = worker.code
        .replace(/\b__FILES__\b/g, () => JSON.stringify(files))
        .replace(/\b__VERSION__\b/g, () => JSON.stringify(version));
    },
  },
};
