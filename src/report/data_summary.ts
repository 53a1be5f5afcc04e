// Summarises the data of a run in a few lines: parts, classes, sizes, and everything that was skipped.

import type { SkippedFiles, SourcesInfo } from "../images/index.ts";
import { countsOf, isStreamed, type LabelledImages, nameList, sampleAccess } from "../internal.ts";
import { printable } from "../terminal/terminal.ts";
import { plural } from "../text/index.ts";

interface PartSummary {
  /** Source of the part. */
  readonly from: string;
  readonly count: number;
  /** Number of samples of each class. */
  readonly perClass: Uint32Array;
}

export interface DataSummary {
  /** Layout of the data, or the data set's name. */
  readonly layout: string;
  /** The folder, if there is one. */
  readonly where?: string | undefined;
  readonly train: PartSummary;
  readonly test: PartSummary;
  readonly classes: readonly string[];
  /** Description of the stored sizes of the samples. */
  readonly sizes: string;
  /** Columns of numbers in files, with their means and deviations. */
  readonly columns?: { readonly inputs: string; readonly targets: string };
  readonly passedOver: readonly SkippedFiles[];
  readonly notes: readonly string[];
}

/** Number of samples whose size is read. */
const SIZES_READ = 32;
/** Number of classes whose counts are shown. */
const SHOWN = 6;

/** Count the samples of each class; zeros if the labels are unknown. */
export function classCounts(data: LabelledImages): Uint32Array {
  const samples = sampleAccess(data);
  return samples ? countsOf(data, (i) => samples.label(i)) : new Uint32Array(data.classes.length);
}

interface Sizes {
  readonly text: string;
  readonly notes: readonly string[];
}

/** Describe the sizes of the samples as stored, from a few of them. */
async function readSizes(data: LabelledImages): Promise<Sizes> {
  const [channels, height, width] = data.shape;
  const size = `${height}x${width}`;
  if (!isStreamed(data)) {
    const frames = data.timeSteps === undefined ? "" : `, ${data.timeSteps} frames`;
    return { text: `${size}, ${plural(channels, "channel")}${frames}`, notes: [] };
  }
  const found = await data.samples?.sizes(SIZES_READ);
  if (!found) return { text: size, notes: [] };
  const area = ([h, w]: readonly [number, number]) => h * w;
  const sorted = [...found.sizes].sort((a, b) => area(a) - area(b));
  const [least, most] = [sorted[0], sorted.at(-1)];
  const one = least && most && String(least) === String(most);
  const range = least && most ? (one ? least.join("x") : `${least.join("x")} to ${most.join("x")}`) : "none readable";
  const read = found.sizes.length + found.unreadable;
  const notes =
    found.unreadable > 0 ? [`${found.unreadable} of ${read} images cannot be read, e.g. ${found.fault}`] : [];
  return { text: `${range} (${read} read); network input ${size}`, notes };
}

/** Summarise loaded data. `about`: notes from the reader of a folder. */
export async function summarise(
  data: { readonly train: LabelledImages; readonly test: LabelledImages; readonly layout: string },
  {
    where,
    about,
    notes = [],
  }: { readonly where?: string; readonly about?: SourcesInfo; readonly notes?: string[] } = {},
): Promise<DataSummary> {
  const { train, test, layout } = data;
  const sizes = await readSizes(train);
  const part = (which: "train" | "test"): PartSummary => ({
    from: about?.from[which] ?? "",
    count: data[which].length,
    perClass: classCounts(data[which]),
  });
  return {
    layout,
    where,
    train: part("train"),
    test: part("test"),
    classes: train.classes,
    sizes: sizes.text,
    passedOver: about?.passedOver ?? [],
    notes: [...(about?.notes ?? []), ...notes, ...sizes.notes, ...(test.length === 0 ? ["no test samples"] : [])],
  };
}

/** Write class counts: "cats (8), dogs (8)"; for many classes the first few, the smallest and the largest, or
 * the count that all have. */
function perClassWords(classes: readonly string[], counts: Uint32Array): string {
  const word = (i: number) => `${classes[i]} (${counts[i]})`;
  const shown = Array.from({ length: Math.min(SHOWN, classes.length) }, (_, i) => word(i)).join(", ");
  if (classes.length <= SHOWN) return shown;
  let [least, most] = [0, 0];
  for (const [i, n] of counts.entries()) {
    if (n < counts[least]!) least = i;
    if (n > counts[most]!) most = i;
  }
  if (counts[least] === counts[most]) return `${counts[least]} of each class`;
  return `${shown}, ...; fewest ${word(least)}, most ${word(most)}`;
}

const MOST_KINDS = 8;

/** Write the summary as lines for people. */
export function summaryLines(summary: DataSummary): string[] {
  const { layout, where, classes, sizes, columns, passedOver, notes } = summary;
  const line = (name: string, text: string) => `  ${name.padEnd(8)} ${printable(text)}`;
  const part = (name: "train" | "test") => {
    const { from, count, perClass } = summary[name];
    const where = from === "" ? "" : from.startsWith("held out") ? ` ${from}` : ` from ${from}`;
    const words = classes.length === 0 ? "" : `: ${perClassWords(classes, perClass)}`;
    return line(name, `${count}${where}${words}`);
  };
  return [
    printable(`data: ${layout}${where === undefined ? "" : ` in ${where}`}`),
    part("train"),
    part("test"),
    ...(classes.length === 0 ? [] : [line("classes", `${classes.length}: ${nameList(classes)}`)]),
    ...(columns ? [line("inputs", columns.inputs), line("targets", columns.targets)] : []),
    line("sizes", sizes),
    ...passedOver
      .slice(0, MOST_KINDS)
      .map(({ what, count, example }) => line("skipped", `${count} ${what}, e.g. ${example}`)),
    ...(passedOver.length > MOST_KINDS ? [line("skipped", `${passedOver.length - MOST_KINDS} more kinds`)] : []),
    ...notes.map((note) => line("note", note)),
  ];
}

/** Convert the summary to a record for programs. */
export function summaryRecord({ train, test, ...rest }: DataSummary): Record<string, unknown> {
  const part = ({ perClass, ...about }: PartSummary) => ({ ...about, perClass: [...perClass] });
  return { ...rest, train: part(train), test: part(test) };
}
