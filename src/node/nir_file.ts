// NIR files: a graph as HDF5, in the layout of the nir package for Python. The HDF5 library is loaded when a file is read or written.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dataset, File, Group } from "h5wasm/node";
import { type NirArray, NirError, type NirGraph, type NirNode } from "../io/index.ts";
import { quote, visible } from "../text/index.ts";
import { importPackage } from "./packages.ts";
import { readRegularSync } from "./regular_file.ts";

/** Version of the nir package whose layout the files have: the first with v_reset in all neurons. */
const VERSION = "1.0.7";
/** Largest ratio of deflate, which limits what a file can unpack to. */
const MOST_RATIO = 1032;
const MOST_NODES = 1e5;

/** Load the HDF5 library. It throws errors instead of printing them. Errors: PackageError if it is missing. */
async function hdf5(): Promise<typeof File> {
  const { default: library } = await importPackage("h5wasm", "NIR files need", () => import("h5wasm/node"));
  (await library.ready).activate_throwing_error_handler();
  return library.File;
}

/** Call `use` with a path in a new folder, and remove the folder. */
function inFolder<T>(use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "espalier-nir-"));
  try {
    return use(join(folder, "graph.nir"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeArray(group: Group, name: string, { data, shape }: NirArray): void {
  const dtype = data instanceof BigInt64Array ? "<q" : data instanceof Float32Array ? "<f4" : "<f8";
  // Only arrays have chunks, which compression requires.
  const packed = data.length > 64 ? { compression: "gzip" as const, chunks: [...shape] } : {};
  group.create_dataset({ name, data, shape: [...shape], dtype, ...packed });
}

const writeText = (group: Group, name: string, text: string): unknown =>
  group.create_dataset({ name, data: text, dtype: "S" });

function writeGraph(file: File, { nodes, edges, metadata }: NirGraph): void {
  writeText(file, "version", VERSION);
  const root = file.create_group("node");
  writeText(root, "type", "NIRGraph");
  root.create_dataset({ name: "edges", data: edges.flat(), shape: [edges.length, 2], dtype: "S" });
  const notes = Object.entries(metadata);
  if (notes.length > 0) {
    const group = root.create_group("metadata");
    for (const [name, text] of notes) writeText(group, name, text);
  }
  const all = root.create_group("nodes");
  for (const [name, { type, params }] of nodes) {
    const group = all.create_group(name);
    writeText(group, "type", type);
    for (const [key, value] of Object.entries(params)) {
      if (typeof value === "string") writeText(group, key, value);
      else writeArray(group, key, value);
    }
  }
}

/**
 * Write a NIR graph as an HDF5 file: `/version`, and `/node` with `type`, `edges` [E, 2] and `nodes/NAME/{type, ...}`. Texts are UTF-8 of variable
 * length, integers int64, as the nir package for Python writes them. Needs the package h5wasm.
 *
 * Errors    NirError for a name that HDF5 has no room for; PackageError if h5wasm is missing.
 * @example
 * const model = new Sequential([new Linear(4, 3), new IFNode()]);
 * const bytes = await writeNir(exportNir(model, { input: [4], weights: await model.stateDict() }));
 * const copy = importNir(await readNir(bytes));
 */
export async function writeNir(graph: NirGraph): Promise<Uint8Array<ArrayBuffer>> {
  const names = [...graph.nodes.keys(), ...Object.keys(graph.metadata)];
  const bad = names.find((name) => name === "" || name === "." || name.includes("/") || name.includes("\0"));
  if (bad !== undefined) throw new NirError(`NIR: expected names without / for HDF5, got ${quote(bad)}`);
  const HdfFile = await hdf5();
  return inFolder((path) => {
    const file = new HdfFile(path, "w");
    try {
      writeGraph(file, graph);
    } finally {
      file.close();
    }
    return new Uint8Array(readRegularSync(path));
  });
}

/** Reads the parts of one file. */
class NirReader {
  private readonly name: string;
  private room: number;

  constructor(name: string, bytes: number) {
    this.name = name;
    this.room = Math.max(2 ** 20, bytes * MOST_RATIO);
  }

  fail(problem: string): never {
    throw new NirError(visible(`${this.name}: ${problem}`));
  }

  /** Return an entry of a group by its own link; null if there is none. */
  private entry(group: Group, key: string) {
    return group.keys().includes(key) ? group.get(key) : null;
  }

  group(parent: Group, key: string, path: string): Group {
    const found = this.entry(parent, key) as Group | null;
    return found?.type === "Group" ? found : this.fail(`${path}: expected a group, got ${found?.type ?? "none"}`);
  }

  private dataset(parent: Group, key: string, path: string): Dataset {
    const found = this.entry(parent, key) as Dataset | null;
    if (found?.type !== "Dataset") return this.fail(`${path}: expected an array, got ${found?.type ?? "none"}`);
    const { size, shape } = found.metadata;
    const bytes = (shape ?? []).reduce((n, d) => n * d, size);
    this.room -= bytes;
    if (!(this.room >= 0)) this.fail(`${path}: expected fewer than ${bytes} bytes in a file of its size`);
    return found;
  }

  text(parent: Group, key: string, path: string): string {
    const { value } = this.dataset(parent, key, path);
    return typeof value === "string" ? value : this.fail(`${path}: expected a text, got ${typeof value}`);
  }

  edges(root: Group): [string, string][] {
    const { value, shape } = this.dataset(root, "edges", "node/edges");
    const flat = (value as unknown[]) ?? [];
    const isPairs =
      shape?.length === 2 && shape[1] === 2 && Array.isArray(flat) && flat.every((v) => typeof v === "string");
    if (!isPairs && flat.length > 0) this.fail(`node/edges: expected pairs of names, got ${JSON.stringify(shape)}`);
    return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string]);
  }

  /** Read a number, an array or a text. */
  param(parent: Group, key: string, path: string): NirArray | string {
    const { value, shape } = this.dataset(parent, key, path);
    if (typeof value === "string") return value;
    const flat = ArrayBuffer.isView(value)
      ? (value as unknown as ArrayLike<number | bigint>)
      : [value as number | bigint];
    const isNumbers = Array.from({ length: Math.min(1, flat.length) }, (_, i) => typeof flat[i]).every(
      (kind) => kind === "number" || kind === "bigint",
    );
    if (!isNumbers) this.fail(`${path}: expected numbers or a text, got ${typeof value}`);
    const size = shape ?? [];
    if (flat instanceof Float32Array || flat instanceof Float64Array) return { data: flat, shape: size };
    const isWhole = Array.from(flat).every((v) => Number.isSafeInteger(Number(v)));
    if (isWhole && !this.isFloat(parent, key)) return { data: BigInt64Array.from(flat, BigInt), shape: size };
    return { data: Float64Array.from(flat, Number), shape: size };
  }

  /** Check for floats among single numbers, which come without a typed array. */
  private isFloat(parent: Group, key: string): boolean {
    return (parent.get(key) as Dataset).metadata.type === 1;
  }

  node(nodes: Group, name: string): NirNode {
    const path = `node/nodes/${name}`;
    const group = this.group(nodes, name, path);
    const type = this.text(group, "type", `${path}/type`);
    if (type === "NIRGraph") this.fail(`${path}: expected a graph without graphs inside, got one`);
    const keys = group.keys().filter((key) => key !== "type" && key !== "metadata");
    return { type, params: Object.fromEntries(keys.map((key) => [key, this.param(group, key, `${path}/${key}`)])) };
  }

  graph(file: File): NirGraph {
    const root = this.group(file, "node", "node");
    const type = this.text(root, "type", "node/type");
    if (type !== "NIRGraph") this.fail(`node/type: expected NIRGraph, got ${quote(type)}`);
    const nodes = this.group(root, "nodes", "node/nodes");
    const names = nodes.keys();
    if (names.length > MOST_NODES) this.fail(`node/nodes: expected at most ${MOST_NODES} nodes, got ${names.length}`);
    const notes = root.keys().includes("metadata") ? this.group(root, "metadata", "node/metadata") : null;
    const metadata = (notes?.keys() ?? []).flatMap((key) => {
      const value = this.param(notes!, key, `node/metadata/${key}`);
      return typeof value === "string" ? [[key, value] as const] : [];
    });
    return {
      nodes: new Map(names.map((name) => [name, this.node(nodes, name)])),
      edges: this.edges(root),
      metadata: Object.fromEntries(metadata),
    };
  }
}

/** First bytes of an HDF5 file. */
const MAGIC = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Read a NIR graph of an HDF5 file, as `writeNir` and the nir package for Python write it. Needs the package h5wasm, whose HDF5 library runs
 * in WebAssembly.
 *
 * Errors    NirError, one line naming the file: not HDF5, damaged, without a graph, or with nested graphs; PackageError if h5wasm is missing.
 */
export async function readNir(bytes: Uint8Array, name = "NIR"): Promise<NirGraph> {
  const reader = new NirReader(name, bytes.length);
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) reader.fail("expected an HDF5 file, got another kind");
  const HdfFile = await hdf5();
  return inFolder((path) => {
    writeFileSync(path, bytes);
    let file: File | null = null;
    try {
      file = new HdfFile(path, "r");
      return reader.graph(file);
    } catch (error) {
      if (error instanceof NirError) throw error;
      const [first = ""] = String((error as Error)?.message ?? error).split("\n");
      return reader.fail(`damaged HDF5: ${first.slice(0, 200)}`);
    } finally {
      file?.close();
    }
  });
}
