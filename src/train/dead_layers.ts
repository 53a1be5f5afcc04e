// Finds a dead network: one whose outputs do not depend on its inputs, since every path leads through a layer without live weights.
import { traceOps } from "../autograd/index.ts";
import type { Module } from "../nn/index.ts";
import { type DType, metaTensor, type Shape, Tensor } from "../tensor/index.ts";
import type { EpochLayer } from "./epoch_layers.ts";

/** Ops that give a constant if their weights are zero. */
const WEIGHED = new Set(["conv2d", "convTranspose2d", "linear", "matmul", "embedding"]);
/** Ops that turn zeros into zeros. */
const MOVING = new Set(["reshape", "flatten", "permute", "cast"]);

/**
 * Return the names of layers that cannot come back to life: all of their weights are zero. LTP's gates still pass a little while
 * weights are in transition.
 */
export const emptyLayers = (layers: readonly EpochLayer[]): string[] =>
  layers.filter((l) => l.weights > 0 && l.zeros === l.weights && !l.transition).map((l) => l.name);

/** One sample, without the batch axis. */
export interface SampleFormat {
  readonly sample: Shape;
  readonly dtype?: DType | undefined;
}

/**
 * Return the layers of `empty` that cut all paths from the input to the output; none if a path is left, or if the forward pass
 * cannot be traced. The model runs on shapes alone, in evaluation mode.
 */
export function cutLayers(model: Module, format: SampleFormat, empty: readonly string[]): string[] {
  if (empty.length === 0) return [];
  const named = new Map(model.namedParameters());
  const zero = new Map<Tensor, string>(
    empty.flatMap((name) => (named.has(name) ? [[named.get(name)!, name] as const] : [])),
  );
  const input = metaTensor([2, ...format.sample], format.dtype ?? "f32");
  const depends = new Set<Tensor>([input]);
  const cut = new Set<string>();
  const modes = [...model.namedModules()].map(([, m]) => [m, m.training] as const);
  model.eval();
  try {
    const made: unknown = traceOps(
      ({ op, inputs, output }) => {
        const given = inputs.filter((t) => t !== null);
        const dead = given.find((t) => zero.has(t));
        if (dead && MOVING.has(op)) zero.set(output, zero.get(dead)!);
        if (!given.some((t) => depends.has(t))) return;
        if (dead && WEIGHED.has(op)) cut.add(zero.get(dead)!);
        else depends.add(output);
      },
      () => model.forward(input) as unknown,
    );
    return made instanceof Tensor && !depends.has(made) ? [...cut] : [];
  } catch {
    // A model that needs values, not shapes alone, such as one with a branch on them.
    return [];
  } finally {
    for (const [m, mode] of modes) m.training = mode;
  }
}

/** Describe a dead network in one sentence. */
export function deadText(layers: readonly string[]): string {
  const names = layers.length > 4 ? [...layers.slice(0, 4), `${layers.length - 4} more`] : layers;
  const [them, all] = layers.length === 1 ? ["it", "no weight of"] : ["one of them", "no weight of any of"];
  return `the network is dead: ${all} ${names.join(", ")} is left, and every path from the input to the output leads through ${them}`;
}
