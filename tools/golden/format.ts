// Golden fixtures: safetensors files whose metadata describe, case by case, an operation, its inputs and its outputs.

import { parseSafetensors } from "../../src/io/index.ts";
import { EspalierError } from "../../src/text/index.ts";

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

export interface GoldenCase {
  readonly name: string;
  /** Operation. Together with `attrs` it determines how a case is run. */
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** `grad_<output>`: gradients that arrive at outputs. */
  readonly upstream: readonly string[];
  /** `grad_<input>`: gradients to compare. */
  readonly grads: readonly string[];
  /** Largest deviation of the reference framework's own float32 run, by tensor or by the part of its name before "/". */
  readonly f32Dev: Readonly<Record<string, number>>;
  /** Reason why the engine must refuse this case; null: it must run it. */
  readonly expectError: string | null;
  readonly tensors: ReadonlyMap<string, GoldenTensor>;
}

/** Error for a file that is no fixture. */
class FormatError extends EspalierError {
  override readonly name = "FormatError";
}

function names(value: unknown, what: string): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((v) => typeof v !== "string")) {
    throw new FormatError(`${what} wants a list of names, has ${JSON.stringify(value)}`);
  }
  return value as string[];
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError(`${what} wants an object, has ${JSON.stringify(value)}`);
  }
  return value as Record<string, unknown>;
}

/**
 * Read the cases of a fixture file, in the order of its metadata. Case names may contain "/": a tensor belongs to the longest
 * case name that is a prefix of its own. Throws FormatError or SafetensorsError naming the file.
 */
export function parseFixtures(bytes: Uint8Array, file: string): GoldenCase[] {
  const { tensors, metadata } = parseSafetensors(bytes, file);
  const described = [...metadata].filter(([, text]) => text.startsWith("{"));
  const owners = described.map(([name]) => name).sort((a, b) => b.length - a.length);
  const byCase = new Map<string, Map<string, GoldenTensor>>(owners.map((name) => [name, new Map()]));
  for (const [full, { dtype, shape, data }] of tensors) {
    const owner = owners.find((name) => full.startsWith(`${name}/`));
    if (owner === undefined) throw new FormatError(`${file}: tensor ${full} belongs to no case`);
    if (dtype !== "F32" && dtype !== "I32") {
      throw new FormatError(`${file}: tensor ${full} wants F32 or I32, has ${dtype}`);
    }
    byCase.get(owner)?.set(full.slice(owner.length + 1), { shape, data: data as Float32Array | Int32Array });
  }
  return described.map(([name, text]) => {
    const where = `${file}: ${name}`;
    const meta = record(JSON.parse(text), where);
    if (typeof meta["op"] !== "string") throw new FormatError(`${where} names no op`);
    const error = meta["expect_error"];
    return {
      name,
      op: meta["op"],
      attrs: record(meta["attrs"], `${where} attrs`),
      inputs: names(meta["inputs"], `${where} inputs`),
      outputs: names(meta["outputs"], `${where} outputs`),
      upstream: names(meta["upstream"], `${where} upstream`),
      grads: names(meta["grads"], `${where} grads`),
      f32Dev: record(meta["f32_dev"], `${where} f32_dev`) as Record<string, number>,
      expectError: error === undefined ? null : String(error),
      tensors: byCase.get(name) ?? new Map(),
    };
  });
}

/** Return a tensor of a case. Throws FormatError if it is missing. */
export function tensorOf(c: GoldenCase, name: string): GoldenTensor {
  const found = c.tensors.get(name);
  if (!found) throw new FormatError(`${c.name}: tensor ${name} is not in the file`);
  return found;
}

/** List the names of the tensors to compare: all except the inputs. */
export function comparedTensors(c: GoldenCase): string[] {
  const fed = new Set([...c.inputs, ...c.upstream]);
  const stored = [...c.tensors.keys()].filter((name) => !fed.has(name) && !name.startsWith("init/"));
  return [...new Set([...c.outputs, ...c.grads, ...stored])];
}
