// Gives an optimiser the parameters of a model that changed its shapes: the state of each weight is carried along.
import type { Parameter } from "../nn/parameter.ts";
import { readAll, type Tensor } from "../tensor/index.ts";
import type { Group } from "./group.ts";
import type { Optimizer } from "./optimizer.ts";
import { ArenaChunk, SEGMENT } from "./param_arena.ts";

/** Old position of each element of a new tensor; -1: a new element, whose state is 0. */
export type Positions = Int32Array;

/** A parameter in place of another. */
export interface Replacement {
  readonly param: Parameter;
  readonly positions: Positions;
}

/** Arenas of a chunk that hold a number of each weight, and more than one for moments. */
const STATE = ["theta", "weight", "velocity", "moments"] as const;

/** Values of a chunk on the host. */
interface ChunkState {
  readonly tally: Uint32Array;
  readonly hyper: Float32Array;
  readonly arenas: ReadonlyMap<(typeof STATE)[number], Float32Array>;
}

/** State of an optimizer's chunks, by chunk. */
export type OptimizerState = ReadonlyMap<ArenaChunk, ChunkState>;

/** Read the state of the chunks that hold one of these parameters. Waits for the GPU. */
export async function readOptimizerState(
  { chunks }: { readonly chunks: readonly ArenaChunk[] },
  params: ReadonlySet<Parameter>,
): Promise<OptimizerState> {
  const held = chunks.filter((c) => c.params.some((p) => params.has(p)));
  const arenasOf = (c: ArenaChunk) => STATE.flatMap((key) => (c[key] ? [[key, c[key]] as const] : []));
  const values = await readAll(...held.flatMap((c): Tensor[] => [c.tally, c.hyper, ...arenasOf(c).map(([, t]) => t)]));
  let at = 0;
  return new Map(
    held.map((c) => [
      c,
      {
        tally: values[at++] as Uint32Array,
        hyper: values[at++] as Float32Array,
        arenas: new Map(arenasOf(c).map(([key]) => [key, values[at++] as Float32Array])),
      },
    ]),
  );
}

/** Return the place of element i of a parameter in an arena of `each` numbers for each weight; k: the number. */
const placeOf = (start: number, i: number, each: number, k: number): number =>
  (start + i - (i % SEGMENT)) * each + k * SEGMENT + (i % SEGMENT);

/** Write the numbers of all weights of a chunk in the order of the new one. */
function carried(
  values: Float32Array,
  from: ArenaChunk,
  to: ArenaChunk,
  replaced: ReadonlyMap<Parameter, Replacement>,
): Float32Array {
  const each = values.length / (from.segments * SEGMENT);
  const out = new Float32Array(to.segments * SEGMENT * each);
  for (const [p, old] of from.params.entries()) {
    const positions = replaced.get(old)?.positions;
    const [first, next] = [from.starts[p]!, to.starts[p]!];
    for (let i = 0; i < to.params[p]!.numel; i++) {
      const source = positions ? positions[i]! : i;
      if (source < 0) continue;
      for (let k = 0; k < each; k++) out[placeOf(next, i, each, k)] = values[placeOf(first, source, each, k)]!;
    }
  }
  return out;
}

/** Make a chunk of a group again, with other parameters and its state. */
function replaceChunk(
  group: Group,
  k: number,
  replaced: ReadonlyMap<Parameter, Replacement>,
  state: ChunkState | undefined,
): void {
  const old = group.chunks[k]!;
  const params = old.params.map((p) => replaced.get(p)?.param ?? p);
  // First, so that the new arenas can take the memory of the old ones.
  group.learned[k]?.dispose();
  old.dispose();
  const made = new ArenaChunk(params, group.rule.buffers);
  group.chunks[k] = made;
  if (group.rule.learned) group.learned[k] = group.rule.learned(made);
  if (!state) return;
  for (const [key, values] of state.arenas) made[key]!.set(carried(values, old, made, replaced));
  made.tally.set(state.tally);
  made.hyper.set(state.hyper);
}

/**
 * Put parameters in the place of others, with their weights, latent weights, momentum, moments, counts and learned thresholds. The
 * chunks keep their members, so that the numbers of a layer keep their place. Buffers of the chunks change: dispose captured steps
 * first. `state`: from `readOptimizerState`, before the old parameters were disposed; null: all state is 0, to be loaded.
 */
export function replaceParameters(
  optimizer: Optimizer,
  replaced: ReadonlyMap<Parameter, Replacement>,
  state: OptimizerState | null,
): void {
  for (const group of optimizer.groups) {
    const changed = [...group.chunks.entries()].filter(([, c]) => c.params.some((p) => replaced.has(p)));
    if (changed.length === 0) continue;
    group.rule.dispose?.();
    for (const [k, chunk] of changed) replaceChunk(group, k, replaced, state?.get(chunk));
    group.rule.prepare?.(group.chunks);
  }
  // The numbers of the next step, in the new buffers.
  for (const group of optimizer.groups) group.write(optimizer.stepsDone);
}
