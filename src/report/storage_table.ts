// Table of the bytes of each weight in a file: dense, kept, and the format chosen for it.
import { SPARSE_LAYOUTS, type StateDict, type StoredArray, storedArrays } from "../internal.ts";
import { printable } from "../terminal/terminal.ts";
import { count, plural } from "../text/index.ts";
import { drawTable, styleOf, type TableOptions } from "./table.ts";

/** Bytes of one weight. */
export interface StorageRow {
  readonly name: string;
  /** Bytes of all values, before. */
  readonly dense: number;
  /** Bytes in the file. */
  readonly kept: number;
  /** Storage of the weight in the file; of a compacted model, the one that a sparse file would choose. */
  readonly format: StoredArray["format"];
  /** Bytes in the smallest sparse file of a compacted model. */
  readonly sparse?: number;
}

type Arrays = Parameters<typeof storedArrays>[0];

/** Return the bytes of each array in a sparse file. */
export const sparseRows = (weights: Arrays, layout: (typeof SPARSE_LAYOUTS)[number]): StorageRow[] =>
  storedArrays(weights, layout).map(({ name, dense, stored, format }) => ({ name, dense, kept: stored, format }));

/** Return the bytes of each array of a compacted model that both models have, with the smallest sparse storage. */
export function compactRows(before: Arrays, after: StateDict): StorageRow[] {
  const choices = SPARSE_LAYOUTS.map((layout) => storedArrays(after as Arrays, layout));
  return choices[0]!.map(({ name, dense: kept }, i) => {
    const best = choices.map((all) => all[i]!).reduce((a, b) => (b.stored < a.stored ? b : a));
    return { name, dense: before.get(name)?.data.byteLength ?? kept, kept, format: best.format, sparse: best.stored };
  });
}

const sum = (rows: readonly StorageRow[], of: (row: StorageRow) => number) =>
  rows.reduce((all, row) => all + of(row), 0);

/** Render the bytes. Arrays that stay as they are share one row. */
export function renderStorageTable(rows: readonly StorageRow[], options: TableOptions = {}): string {
  const isCompact = rows.some(({ sparse }) => sparse !== undefined);
  const same = rows.filter(({ dense, kept, format }) => dense === kept && format === "dense");
  const changed = rows.filter((row) => !same.includes(row));
  const sparseOf = ({ sparse, kept }: StorageRow) => sparse ?? kept;
  const cells = (name: string, dense: number, kept: number, sparse: number, format: string) => [
    ...[name, count(dense), count(kept)],
    ...(isCompact ? [count(sparse)] : []),
    format,
  ];
  const line = (name: string, group: readonly StorageRow[], format: string) =>
    cells(
      name,
      sum(group, ({ dense }) => dense),
      sum(group, ({ kept }) => kept),
      sum(group, sparseOf),
      format,
    );
  const body = [
    ...changed.map((row) => cells(printable(row.name), row.dense, row.kept, sparseOf(row), row.format)),
    ...(same.length > 0 ? [line(plural(same.length, "other array"), same, "dense")] : []),
  ];
  const columns = [
    { head: "bytes of", left: true },
    { head: "dense" },
    { head: isCompact ? "compact" : "kept" },
    ...(isCompact ? [{ head: "smallest sparse" }] : []),
    { head: "format", left: true },
  ];
  return drawTable(columns, body, styleOf(options), [line("total", rows, "")]);
}
