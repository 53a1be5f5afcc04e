// What pruning has saved, in two lines for the terminal.
import type { PruningReport } from "../index.ts";

const large = (n: number) => {
  const units = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  const [size, unit] = units.find(([s]) => n >= s) ?? [1, ""];
  return `${(n / size).toPrecision(3)}${unit}`;
};
const times = (x: number | null) => (x === null ? "nothing left" : `${x.toPrecision(3)}x`);

export function reportLines({ macs, sparseMacs, compression }: PruningReport): string[] {
  const { pruned, model } = compression;
  return [
    `weights ${large(pruned.weights)} -> ${large(pruned.nonzeros)} (${times(pruned.ratio)}), with biases and batch norm ${large(model.parameters)} -> ${large(model.kept)} (${times(model.ratio)}); stored as CSR ${times(model.csrRatio)}, with a bitmask ${times(model.bitmaskRatio)} smaller`,
    `multiply-adds per sample ${large(macs)} -> ${large(sparseMacs)} (${times(sparseMacs === 0 ? null : macs / sparseMacs)})`,
  ];
}
