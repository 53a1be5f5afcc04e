// Finds the channels that can be removed: those that nothing reads, and constant ones that a bias can replace.
import { type LayerUse, positionOf, reads } from "./layers.ts";
import type { Walk } from "./walk.ts";

/** Channels to remove, and the reasons why others stay. */
export interface Removal {
  /** Return true if the channel is removed. */
  isGone(id: number): boolean;
  /** Return the reason why a channel stays. */
  reasonOf(id: number): string;
}

/** Mark the inputs that a layer's remaining outputs read. */
function inputsRead(layer: LayerUse, isGone: (id: number) => boolean): Uint8Array {
  const { input, output, groupInputs } = layer;
  const read = new Uint8Array(input!.ids.length);
  for (const [o, id] of output.entries()) {
    if (isGone(id)) continue;
    for (let j = 0; j < groupInputs; j++) {
      const at = positionOf(layer, o, j);
      if (read[at] === 0 && reads(layer, o, j)) read[at] = 1;
    }
  }
  return read;
}

const retrained = (path: string) => `they are constant, but not zero, and ${path} is trained`;
const bordered = (path: string) => `they are constant, but not zero, and ${path} pads its input with zeros`;

/** Return the sets that become live at the border of a padded depthwise convolution, with the reason. */
function borderedSets({ layers, sets }: Walk): Map<number, string> {
  const found = new Map<number, string>();
  for (const { path, input, depthwise, padded } of layers) {
    if (!depthwise || !padded || !input) continue;
    for (const [i, value] of input.values.entries())
      if (value !== 0 && !Number.isNaN(value)) found.set(sets.find(input.ids[i]!), bordered(path));
  }
  return found;
}

/** Return why a layer needs an input of this value that it reads; null if it does not. NaN: not constant. */
function needOf({ path, padded }: LayerUse, value: number, training: boolean): string | null {
  if (value === 0) return null;
  if (Number.isNaN(value)) return `they are joined with live channels that ${path} reads`;
  if (training) return retrained(path);
  return padded ? bordered(path) : null;
}

/** Return the sets that some layer needs, with the reason, if the sets of `gone` are removed. */
function neededSets({ layers, sets, training }: Walk, isGone: (id: number) => boolean): Map<number, string> {
  const needed = new Map<number, string>();
  for (const layer of layers) {
    // The inputs of a depthwise convolution are one set with its outputs.
    if (layer.depthwise || !layer.input) continue;
    const { ids, values } = layer.input;
    for (const [at, isRead] of inputsRead(layer, isGone).entries()) {
      const why = isRead === 0 ? null : needOf(layer, values[at]!, training);
      if (why === null) continue;
      const root = sets.find(ids[at]!);
      // A constant explains more than a set that is live elsewhere.
      if (!Number.isNaN(values[at]!) || !needed.has(root)) needed.set(root, why);
    }
  }
  return needed;
}

/** Find the largest set of removable channels, given the pins: removing one layer's outputs frees inputs of the layer before. */
function fixedPoint(walk: Walk): { gone: ReadonlySet<number>; reasons: ReadonlyMap<number, string> } {
  const { sets, layers, pads } = walk;
  const pinned = sets.pinned();
  const own = [...layers.map(({ output }) => output), ...pads.flatMap(({ before, after }) => [before, after])];
  const all = new Set(own.flatMap((ids) => [...ids].map((id) => sets.find(id))));
  let gone: ReadonlySet<number> = new Set<number>();
  for (;;) {
    const before = gone;
    const needed = neededSets(walk, (id) => before.has(sets.find(id)));
    gone = new Set([...all].filter((root) => !pinned.has(root) && !needed.has(root)));
    if (gone.size === before.size) return { gone, reasons: new Map([...needed, ...borderedSets(walk), ...pinned]) };
  }
}

/** Return how many of the channels of each part stay. */
function keptOf(ids: Int32Array, parts: number, isGone: (id: number) => boolean): number[] {
  const each = ids.length / parts;
  return Array.from({ length: parts }, (_, g) => {
    let kept = 0;
    for (let i = g * each; i < (g + 1) * each; i++) if (!isGone(ids[i]!)) kept++;
    return kept;
  });
}

/** Pin one channel of a layer without any, and channels of groups that would be smaller than others. Returns the number of pins. */
function pinForShapes({ layers, sets }: Walk, isGone: (id: number) => boolean): number {
  let pins = 0;
  const pinSome = (ids: Int32Array, count: number, reason: string) => {
    const some = ids.filter(isGone).slice(0, count);
    sets.pin(some, reason);
    pins += some.length;
  };
  for (const { path, input, output, groups, depthwise } of layers) {
    for (const ids of [input?.ids, output]) {
      if (!ids) continue;
      const kept = keptOf(ids, depthwise ? 1 : groups, isGone);
      const most = Math.max(1, ...kept);
      const each = ids.length / kept.length;
      const why = kept.length > 1 ? `the groups of ${path} have one size` : `${path} has at least one channel`;
      for (const [g, n] of kept.entries()) if (n < most) pinSome(ids.subarray(g * each, (g + 1) * each), most - n, why);
    }
  }
  return pins;
}

/** Find the channels that can be removed without a change of the outputs. */
export function findRemoval(walk: Walk): Removal {
  const { sets } = walk;
  for (;;) {
    const { gone, reasons } = fixedPoint(walk);
    const isGone = (id: number) => gone.has(sets.find(id));
    if (pinForShapes(walk, isGone) > 0) continue;
    return { isGone, reasonOf: (id) => reasons.get(sets.find(id)) ?? "they are needed" };
  }
}
