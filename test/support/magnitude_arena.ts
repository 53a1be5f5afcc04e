// Arenas of weights for tests of what selects by magnitude: layers laid out as the optimiser does, with poisoned padding.
import type { MagnitudeArena } from "../../src/prune/magnitude_select.ts";
import { persistent, type Tensor } from "../../src/tensor/index.ts";

const SEGMENT = 1024;

/** Layers in whole segments; `padding` fills the rest, which nothing may count or change. */
export function packLayers(layers: readonly Float32Array[], padding = 0): Float32Array {
  const parts = layers.map((layer) => {
    const padded = new Float32Array(Math.ceil(layer.length / SEGMENT) * SEGMENT).fill(padding);
    padded.set(layer);
    return padded;
  });
  const all = new Float32Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The layers again, of what `packLayers` made. */
export function unpackLayers(values: Float32Array, elements: readonly number[]): Float32Array[] {
  let at = 0;
  return elements.map((n) => {
    const layer = values.slice(at, at + n);
    at += Math.ceil(n / SEGMENT) * SEGMENT;
    return layer;
  });
}

export function arenaOf(layers: readonly Float32Array[], padding = 0): MagnitudeArena & Disposable {
  const packed = packLayers(layers, padding);
  const table = layers.flatMap((layer, index) => {
    const rows: number[] = [];
    for (let done = 0; done < layer.length; done += SEGMENT) rows.push(index, Math.min(SEGMENT, layer.length - done));
    return rows;
  });
  const segments = table.length / 2;
  const values: Tensor = persistent(packed, [packed.length]);
  const segmentTable = persistent(Uint32Array.from(table), [segments, 2]);
  return {
    values,
    segmentTable,
    segments,
    elements: layers.map((l) => l.length),
    [Symbol.dispose]: () => {
      values.dispose();
      segmentTable.dispose();
    },
  };
}

/** Bits of |x|, which sort as magnitudes do, NaN last. */
function magnitudeBits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer).map((b) => b & 0x7fffffff);
}

/** |x| of the rank-th smallest by sorting; -1 for rank 0. */
export function sortedMagnitude(values: Float32Array, rank: number): number {
  if (rank === 0) return -1;
  const sorted = magnitudeBits(values).sort();
  return new Float32Array(sorted.buffer)[rank - 1]!;
}

/** `layers` in one array. */
export function joined(layers: readonly Float32Array[]): Float32Array {
  return Float32Array.from(layers.flatMap((l) => [...l]));
}
