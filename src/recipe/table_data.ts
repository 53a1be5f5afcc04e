// Numbers in files as the data of a run: CSV, parquet columns, NumPy arrays; their summary; the record of them in a model file.
import { z } from "zod";
import { HELD_OUT } from "../images/layouts.ts";
import { type ArrayDataset, countsOf, nameList } from "../internal.ts";
import type { DataSummary } from "../report/data_summary.ts";
import { type OpenedTable, openTable, type TableInfo } from "../tables/index.ts";
import { UsageError } from "../terminal/fail.ts";
import { defined, significant } from "../text/index.ts";
import type { DataSettings, Splits } from "./splits.ts";

const numbers = z.array(z.number());
const scale = z.object({ mean: numbers, std: numbers });
const names = z.array(z.string());
const SAVED = z.object({
  ...{ inputs: names, targets: names, given: z.object({ inputs: names, targets: names }) },
  kind: z.enum(["classes", "numbers"]),
  targetShape: z.array(z.int()),
  x: scale,
  y: scale.nullable(),
  header: z.boolean().optional(),
  heldOut: z.number().gt(0).lt(1).optional(),
  splitSeed: z.int().optional(),
});
/** Record of a model file about its numbers: columns, scales, and the split of the run. */
export type SavedTable = TableInfo & Pick<z.infer<typeof SAVED>, "header" | "heldOut" | "splitSeed">;

/** Return the metadata of a run on numbers in files; empty for other data. */
export function tableMetadata(
  { data }: { readonly data: DataSettings },
  info: TableInfo | undefined,
): Record<string, string> {
  if (!info) return {};
  const { header, heldOut, splitSeed } = data;
  return { table: JSON.stringify({ ...info, ...defined({ header, heldOut, splitSeed }) }) };
}

/** Read what tableMetadata wrote; null without it. Throws UsageError if it is corrupt. */
export function readTableMetadata(text: string | undefined, file: string): SavedTable | null {
  if (text === undefined) return null;
  try {
    return SAVED.parse(JSON.parse(text)) as SavedTable;
  } catch {
    throw new UsageError(`${file}: its metadata "table" is corrupt: ${text.slice(0, 80)}`);
  }
}

/** Columns, scales and classes of a model that is tested. */
export interface KnownTable {
  readonly info: TableInfo;
  readonly classes: readonly string[];
}

/** Open the numbers of a recipe. Errors: those of openTable. */
export async function loadTable(dir: string, data: DataSettings, known?: KnownTable): Promise<Splits<ArrayDataset>> {
  const { loss, heldOut = HELD_OUT, splitSeed = 0, standardise = true, header, inputs, targets, testFile } = data;
  const asked = loss === undefined ? undefined : loss === "cross-entropy" ? "classes" : "numbers";
  const opened = await openTable(dir, {
    ...{ heldOut, splitSeed, standardise, header, inputs, targets, testFile, known },
    kind: known?.info.kind ?? asked,
    labels: loss === "bce-with-logits",
  });
  const { train, test, info, layout } = opened;
  const summary = summaryOf(opened, dir);
  return { ...{ train, test, layout, summary, table: info }, notes: [], damaged: [], close: async () => {} };
}

/** Describe a column of numbers by its scale. */
const scaleWords = (names: readonly string[], { mean, std }: TableInfo["x"]): string => {
  if (mean.length !== names.length) return names.join(", ");
  const each = names.map((name, i) => `${name} (${significant(mean[i]!)} ± ${significant(std[i]!)})`);
  return each.length > 6 ? `${each.slice(0, 6).join(", ")} and ${each.length - 6} more` : each.join(", ");
};

function summaryOf({ train, test, info, layout, from, notes }: OpenedTable, where: string): DataSummary {
  const isClass = info.kind === "classes";
  const part = (data: ArrayDataset, source: string) => ({
    from: source,
    count: data.length,
    perClass: isClass ? countsOf(data, (i) => data.y[i]!) : new Uint32Array(0),
  });
  const targets = isClass
    ? `${info.targets.join(", ")}: ${nameList(train.classes)}`
    : info.y
      ? scaleWords(info.targets, info.y)
      : nameList(info.targets);
  return {
    ...{ layout, where, train: part(train, from.train), test: part(test, from.test), classes: train.classes },
    sizes: `[${train.shape.join(", ")}] numbers; target [${train.targetShape.join(", ")}]`,
    columns: { inputs: scaleWords(info.inputs, info.x), targets },
    passedOver: [],
    notes,
  };
}
