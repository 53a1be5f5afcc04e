// Simulates NIR files in float64 by the definitions of NIR's documentation, with forward Euler. Reads HDF5 by itself, and nothing of the engine.
//   Conv2d, Affine, Linear, AvgPool2d, SumPool2d, Flatten   as PyTorch's layers, on one sample
//   IF    dv/dt = r I           z = v > v_threshold, then v = v_reset where z = 1
//   LIF   tau dv/dt = (v_leak - v) + r I    likewise
// Edges into one node add up. Potentials start at v_reset.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import h5wasm, { type Dataset, type Group } from "h5wasm/node";

interface Value {
  readonly data: Float64Array;
  readonly shape: readonly number[];
}
type Params = Record<string, Value>;
/** Node of a file: its kind and its numbers. */
export interface ReadNode {
  readonly type: string;
  readonly params: Params;
}
/** A file as it is. */
export interface ReadFile {
  readonly version: string;
  readonly nodes: Map<string, ReadNode>;
  readonly edges: [string, string][];
  readonly metadata: Record<string, string>;
  /** HDF5 type of every dataset: class (0 integer, 1 float, 3 text), bytes, variable length, shape. */
  readonly types: Map<string, { type: number; size: number; vlen: boolean; cset: number; shape: number[] | null }>;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Runs `use` with an open HDF5 file of these bytes. */
export async function withHdf5<T>(
  bytes: Uint8Array | null,
  use: (file: InstanceType<typeof h5wasm.File>) => T,
): Promise<[T, string]> {
  await h5wasm.ready;
  const folder = mkdtempSync(join(tmpdir(), "espalier-nir-test-"));
  const path = join(folder, "graph.nir");
  if (bytes) writeFileSync(path, bytes);
  const file = new h5wasm.File(path, bytes ? "r" : "w");
  const result = use(file);
  file.close();
  const { readFileSync } = await import("node:fs");
  const written = readFileSync(path).toString("base64");
  rmSync(folder, { recursive: true, force: true });
  return [result, written];
}

function numbers(dataset: Dataset): Value {
  const { value, shape } = dataset;
  const flat =
    typeof value === "number" || typeof value === "bigint" ? [value] : (value as unknown as ArrayLike<number>);
  return { data: Float64Array.from(flat, Number), shape: shape ?? [] };
}

/** Reads a file by paths. */
export async function readFile(bytes: Uint8Array): Promise<ReadFile> {
  const [file] = await withHdf5(bytes, (root) => {
    const types: ReadFile["types"] = new Map();
    const visit = (group: Group, path: string): void => {
      for (const key of group.keys()) {
        const found = group.get(key) as Dataset | Group;
        if (found.type === "Group") visit(found as Group, `${path}/${key}`);
        else types.set(`${path}/${key}`, (found as Dataset).metadata as never);
      }
    };
    visit(root, "");
    const nodes = new Map<string, ReadNode>();
    const all = root.get("node/nodes") as Group;
    for (const name of all.keys()) {
      const group = all.get(name) as Group;
      const keys = group.keys().filter((key) => key !== "type");
      const params = Object.fromEntries(keys.map((key) => [key, numbers(group.get(key) as Dataset)]));
      nodes.set(name, { type: (group.get("type") as Dataset).value as string, params });
    }
    const flat = (root.get("node/edges") as Dataset).value as string[];
    const edges = Array.from({ length: flat.length / 2 }, (_, i): [string, string] => [flat[2 * i]!, flat[2 * i + 1]!]);
    const notes = root.get("node/metadata") as Group | null;
    const metadata = Object.fromEntries(
      (notes?.keys() ?? []).map((key) => [key, (notes!.get(key) as Dataset).value as string]),
    );
    return { version: (root.get("version") as Dataset).value as string, nodes, edges, metadata, types };
  });
  return file;
}

function conv2d(x: Value, p: Params): Value {
  const [outputs = 0, perGroup = 0, kh = 0, kw = 0] = p["weight"]!.shape;
  const [, h = 0, w = 0] = x.shape;
  const [sh = 1, sw = 1] = p["stride"]!.data;
  const [ph = 0, pw = 0] = p["padding"]!.data;
  const [dh = 1, dw = 1] = p["dilation"]!.data;
  const groups = p["groups"]!.data[0]!;
  const oh = Math.floor((h + 2 * ph - dh * (kh - 1) - 1) / sh) + 1;
  const ow = Math.floor((w + 2 * pw - dw * (kw - 1) - 1) / sw) + 1;
  const y = new Float64Array(outputs * oh * ow);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < oh * ow; i++) {
      let sum = p["bias"]!.data[o]!;
      for (let c = 0; c < perGroup; c++)
        for (let k = 0; k < kh * kw; k++) {
          const yy = Math.floor(i / ow) * sh - ph + dh * Math.floor(k / kw);
          const xx = (i % ow) * sw - pw + dw * (k % kw);
          if (yy < 0 || yy >= h || xx < 0 || xx >= w) continue;
          const channel = Math.floor((o * groups) / outputs) * perGroup + c;
          sum += p["weight"]!.data[(o * perGroup + c) * kh * kw + k]! * x.data[(channel * h + yy) * w + xx]!;
        }
      y[o * oh * ow + i] = sum;
    }
  return { data: y, shape: [outputs, oh, ow] };
}

function pool(x: Value, p: Params, isMean: boolean): Value {
  const [channels = 0, h = 0, w = 0] = x.shape;
  const [kh = 1, kw = 1] = p["kernel_size"]!.data;
  const [sh = 1, sw = 1] = p["stride"]!.data;
  const [ph = 0, pw = 0] = p["padding"]!.data;
  const oh = Math.floor((h + 2 * ph - kh) / sh) + 1;
  const ow = Math.floor((w + 2 * pw - kw) / sw) + 1;
  const data = Float64Array.from({ length: channels * oh * ow }, (_, out) => {
    const c = Math.floor(out / (oh * ow));
    let sum = 0;
    for (let k = 0; k < kh * kw; k++) {
      const yy = Math.floor((out % (oh * ow)) / ow) * sh - ph + Math.floor(k / kw);
      const xx = (out % ow) * sw - pw + (k % kw);
      if (yy >= 0 && yy < h && xx >= 0 && xx < w) sum += x.data[(c * h + yy) * w + xx]!;
    }
    return isMean ? sum / (kh * kw) : sum;
  });
  return { data, shape: [channels, oh, ow] };
}

function matrix(x: Value, p: Params): Value {
  const [outputs = 0, inputs = 0] = p["weight"]!.shape;
  const data = Float64Array.from({ length: outputs }, (_, o) => {
    let sum = p["bias"]?.data[o] ?? 0;
    for (let i = 0; i < inputs; i++) sum += p["weight"]!.data[o * inputs + i]! * x.data[i]!;
    return sum;
  });
  return { data, shape: [outputs] };
}

/** One step of a layer of neurons; `v` is changed. */
function fire({ type, params: p }: ReadNode, v: Float64Array, x: Value, dt: number): Value {
  const z = new Float64Array(v.length);
  for (let i = 0; i < v.length; i++) {
    const at = (key: string) => p[key]!.data[i]!;
    const slope = type === "IF" ? at("r") * x.data[i]! : (at("v_leak") - v[i]! + at("r") * x.data[i]!) / at("tau");
    v[i] = v[i]! + dt * slope;
    z[i] = v[i]! > at("v_threshold") ? 1 : 0;
    if (z[i] === 1) v[i] = at("v_reset");
  }
  return { data: z, shape: x.shape };
}

/** Simulates `steps` steps of one sample, the same input at each. Returns the values of every node at every step. */
export function simulate(
  { nodes, edges }: ReadFile,
  input: Float32Array,
  steps: number,
  dt = 1,
): Map<string, Float64Array[]> {
  const potentials = new Map<string, Float64Array>();
  const history = new Map<string, Float64Array[]>([...nodes.keys()].map((name) => [name, []]));
  for (let t = 0; t < steps; t++) {
    const values = new Map<string, Value>();
    const outputOf = (name: string): Value => {
      const known = values.get(name);
      if (known) return known;
      const node = nodes.get(name)!;
      const from = edges.filter(([, to]) => to === name).map(([source]) => outputOf(source));
      const x = from.reduce<Value | null>(
        (sum, v) => (sum ? { shape: v.shape, data: sum.data.map((s, i) => s + v.data[i]!) } : v),
        null,
      );
      let y = x!;
      if (node.type === "Input") y = { data: Float64Array.from(input), shape: [...node.params["shape"]!.data] };
      else if (node.type === "Conv2d") y = conv2d(x!, node.params);
      else if (node.type === "Affine" || node.type === "Linear") y = matrix(x!, node.params);
      else if (node.type === "AvgPool2d" || node.type === "SumPool2d")
        y = pool(x!, node.params, node.type === "AvgPool2d");
      else if (node.type === "Flatten") y = { data: x!.data, shape: [product(x!.shape)] };
      else if (node.type === "IF" || node.type === "LIF") {
        const v = potentials.get(name) ?? Float64Array.from(node.params["v_reset"]!.data);
        potentials.set(name, v);
        y = fire(node, v, x!, dt);
      } else if (node.type !== "Output") throw new Error(`no float64 reference of ${node.type}`);
      values.set(name, y);
      history.get(name)!.push(y.data);
      return y;
    };
    for (const name of nodes.keys()) outputOf(name);
  }
  return history;
}
