// Report of a compaction: sizes of each layer before and after, and dead channels that stay.
import type { LayerUse } from "./layers.ts";
import type { Removal } from "./removal.ts";
import type { Walk } from "./walk.ts";

/** A layer before and after compaction. */
export interface CompactedLayer {
  readonly name: string;
  readonly type: string;
  /** Input channels of the layer; for a linear layer, its inputs. */
  readonly inputs: readonly [before: number, after: number];
  readonly outputs: readonly [before: number, after: number];
  /** Number of weights, without biases. */
  readonly weights: readonly [before: number, after: number];
}

/** Dead channels of a layer that stay. A channel is dead if it is constant, whatever the input. */
export interface KeptChannels {
  readonly name: string;
  readonly channels: number;
  readonly why: string;
}

const kept = (ids: Int32Array, { isGone }: Removal): number => {
  let n = 0;
  for (const id of ids) if (!isGone(id)) n++;
  return n;
};

function layerRow(use: LayerUse, removal: Removal): CompactedLayer {
  const { path, module, input, output, groups, groupInputs, taps, depthwise } = use;
  const inputs = groups * groupInputs;
  const [to, from] = [kept(output, removal), input ? kept(input.ids, removal) : inputs];
  const width = depthwise ? 1 : from / groups;
  return {
    name: path,
    type: module.constructor.name,
    inputs: [inputs, from],
    outputs: [output.length, to],
    weights: [output.length * groupInputs * taps, to * width * taps],
  };
}

/** List the layers in the order of the forward pass. */
export const layerRows = ({ layers }: Walk, removal: Removal): CompactedLayer[] =>
  layers.map((use) => layerRow(use, removal));

/** List dead channels that stay, by layer and reason. */
export function keptChannels({ layers }: Walk, { isGone, reasonOf }: Removal): KeptChannels[] {
  return layers.flatMap(({ path, output, values }) => {
    const counts = new Map<string, number>();
    for (const [o, id] of output.entries()) {
      if (Number.isNaN(values[o]) || isGone(id)) continue;
      const why = reasonOf(id);
      counts.set(why, (counts.get(why) ?? 0) + 1);
    }
    return [...counts].map(([why, channels]) => ({ name: path, channels, why }));
  });
}
