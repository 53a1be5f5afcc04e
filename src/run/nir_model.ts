// Networks that came from NIR: their graph without weights in the metadata of a safetensors file, and back.
import { z } from "zod";
import type { Module, NirArray, NirGraph } from "../internal.ts";
import { isSpiking } from "../recipe/spiking.ts";
import { UsageError } from "../terminal/fail.ts";

/** Name of these networks in the metadata of their files. */
export const NIR_MODEL = "nir";

/** Return true for networks with spiking neurons, by name or from NIR. */
export const hasNeurons = (model: string): boolean => isSpiking(model) || model === NIR_MODEL;

/** Most numbers of one array in the metadata; larger ones are weights, or one value. */
const MOST = 64;

const size = z
  .int()
  .min(0)
  .max(2 ** 31);
const ARRAY = z.strictObject({
  kind: z.enum(["f4", "f8", "i8"]),
  shape: z.array(size).max(8),
  /** All numbers, or one for all of them. */
  values: z.array(z.number()).max(MOST),
});
const NODE = z.strictObject({
  name: z.string().min(1),
  type: z.string(),
  params: z.record(z.string(), z.union([z.string(), ARRAY])),
});
const PLAN = z.strictObject({
  timeSteps: z.int().min(1),
  dt: z.number().positive(),
  nodes: z.array(NODE).max(1e5),
  edges: z.array(z.tuple([z.string(), z.string()])),
});

/** Options of the network: time steps, and seconds of each. */
interface NirTimes {
  readonly timeSteps: number;
  readonly dt: number;
}

const WEIGHTS: ReadonlySet<string> = new Set(["weight", "bias"]);

/** Describe an array. Weights are zeros here: the file holds them as arrays. Errors: UsageError for other large arrays. */
function described(path: string, { data, shape }: NirArray, isWeight: boolean): z.infer<typeof ARRAY> {
  const kind = data instanceof Float32Array ? "f4" : data instanceof Float64Array ? "f8" : "i8";
  if (isWeight) return { kind, shape: [...shape], values: [0] };
  const values = Array.from(data, Number);
  if (values.length > 0 && values.every((v) => v === values[0]))
    return { kind, shape: [...shape], values: [values[0]!] };
  if (values.length > MOST)
    throw new UsageError(`${path}: expected at most ${MOST} different numbers, got ${values.length}`);
  return { kind, shape: [...shape], values };
}

/** Return the metadata of a graph's network. */
export function nirMetadata(graph: NirGraph, { timeSteps, dt }: NirTimes): Record<string, string> {
  const nodes = [...graph.nodes].map(([name, { type, params }]) => ({
    name,
    type,
    params: Object.fromEntries(
      Object.entries(params).map(([key, value]) => [
        key,
        typeof value === "string" ? value : described(`${type} ${name}: ${key}`, value, WEIGHTS.has(key)),
      ]),
    ),
  }));
  return { model: NIR_MODEL, nir: JSON.stringify({ timeSteps, dt, nodes, edges: graph.edges }) };
}

/** Return the array of a description. */
function arrayOf({ kind, shape, values }: z.infer<typeof ARRAY>, fail: (problem: string) => never): NirArray {
  const length = shape.reduce((a, b) => a * b, 1);
  if (length > 2 ** 28 || !(values.length === length || values.length === 1))
    fail(`an array of shape [${shape.join(",")}] has ${values.length} numbers`);
  const number = (i: number) => values[values.length === 1 ? 0 : i]!;
  if (kind === "i8") return { data: BigInt64Array.from({ length }, (_, i) => BigInt(number(i))), shape };
  const numbers = { f4: Float32Array, f8: Float64Array }[kind];
  const data = new numbers(length);
  for (let i = 0; i < length; i++) data[i] = number(i);
  return { data, shape };
}

/** Return the times in metadata that nirModel has read. */
export const nirTimes = (text: string): NirTimes => PLAN.parse(JSON.parse(text));

/**
 * Return a builder of the network that the metadata describe, with weights of zero; nothing for files of other networks. Errors:
 * UsageError for corrupt metadata.
 */
export async function nirModel(
  metadata: ReadonlyMap<string, string>,
  file: string,
  name = metadata.get("model"),
): Promise<{ build?: () => Module }> {
  if (name !== NIR_MODEL) return {};
  const fail = (problem: string): never => {
    throw new UsageError(`${file}: its metadata "nir" is corrupt: ${problem}`);
  };
  const text = metadata.get("nir");
  if (text === undefined) throw new UsageError(`${file}: expected a network of espalier import, got no metadata "nir"`);
  let plan: z.infer<typeof PLAN>;
  try {
    plan = PLAN.parse(JSON.parse(text));
  } catch {
    return fail(text.slice(0, 80));
  }
  const { importNir } = await import("../export/index.ts");
  const build = () => {
    const nodes = plan.nodes.map(({ name, type, params }) => {
      const arrays = Object.entries(params).map(
        ([key, value]) => [key, typeof value === "string" ? value : arrayOf(value, fail)] as const,
      );
      return [name, { type, params: Object.fromEntries(arrays) }] as const;
    });
    const graph: NirGraph = { nodes: new Map(nodes), edges: plan.edges, metadata: {} };
    return importNir(graph, { timeSteps: plan.timeSteps, dt: plan.dt });
  };
  return { build };
}
