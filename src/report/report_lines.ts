// Describes the savings of pruning in two lines for the terminal.

import type { PruningReport } from "../index.ts";
import { compact, times } from "../text/index.ts";

export function reportLines({ macs, sparseMacs, compression }: PruningReport): string[] {
  const { pruned, model } = compression;
  return [
    `weights ${compact(pruned.weights)} -> ${compact(pruned.nonzeros)} (${times(pruned.ratio)}), with biases and batch norm ${compact(model.parameters)} -> ${compact(model.kept)} (${times(model.ratio)}); stored as CSR ${times(model.csrRatio)}, with a bitmask ${times(model.bitmaskRatio)} smaller`,
    `multiply-adds per sample ${compact(macs)} -> ${compact(sparseMacs)} (${times(sparseMacs === 0 ? null : macs / sparseMacs)})`,
  ];
}
