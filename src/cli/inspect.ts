// `espalier inspect`: what a folder of data is taken for, in a summary and a picture, before anything is trained on it.
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { type Command, Option } from "commander";
import { IMAGE_DATA } from "../recipe/data_names.ts";
import { type DataSettings, loadSplits } from "../recipe/datasets.ts";
import { EVENT_DATA, isEventData } from "../recipe/event_data.ts";
import { withAdvice } from "../recipe/image_data.ts";
import { summaryLines, summaryRecord } from "../report/data_summary.ts";
import { number, whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { makeOutput, type Output } from "../terminal/output.ts";
import { quote } from "../text/index.ts";
import { writeSheet } from "./inspect_sheet.ts";
import { type LayoutFlags, layoutOptions } from "./layout_options.ts";

export interface InspectFlags extends LayoutFlags {
  /** A folder, or the name of data that comes along. */
  readonly data: string;
  /** What it is read as; default: seen from the files. */
  readonly as?: string;
  readonly size?: number;
  readonly resize?: number;
  readonly mapping?: string;
  readonly heldOut?: number;
  readonly timeSteps?: number;
  readonly by?: "number" | "time";
  /** A path, or false for no sheet. */
  readonly sheet?: string | false;
}

const NAMES: readonly string[] = [...IMAGE_DATA, ...EVENT_DATA];
/** Of event data, as in training. */
const FRAMES = 8;

/** Which data a folder holds, by the names of its files: IDX, CIFAR, else images. */
async function seenName(dir: string): Promise<string> {
  const names = await readdir(dir);
  if (names.some((name) => /^(train|t10k)-(images|labels)[-.]idx\d/.test(name))) return "idx";
  if (names.some((name) => name === "data_batch_1.bin" || name === "cifar-10-batches-bin")) return "cifar10";
  if (names.includes("cifar-100-binary") || (names.includes("train.bin") && names.includes("test.bin")))
    return "cifar100";
  return "images";
}

async function settingsOf(flags: InspectFlags): Promise<DataSettings> {
  const { data, as } = flags;
  const isFolder = existsSync(data) && statSync(data).isDirectory();
  if (!isFolder && existsSync(data)) throw new UsageError(`${quote(data)}: is a file; expected a folder of data`);
  if (!isFolder && (as !== undefined || !NAMES.includes(data))) {
    throw new UsageError(`${quote(data)}: no such folder, and no data that comes along`);
  }
  const name = as ?? (isFolder ? await seenName(data) : data);
  const { size, resize, mapping, heldOut, timeSteps, by, layout, followLinks } = flags;
  const forImages = { "--resize": resize, "--mapping": mapping, "--held-out": heldOut, "--layout": layout };
  const links = { "--follow-links": followLinks, "--no-follow-links": followLinks === false || undefined };
  const is = `the data are ${name}`;
  refuseIdle([
    ...idleUnless(name === "images", `is for data images, ${is}`, { ...forImages, ...links }),
    ...idleUnless(isEventData(name), `is for event data, ${is}`, { "--time-steps": timeSteps, "--by": by }),
    ...idleUnless(name === "images" || isEventData(name), `is for data images and events, ${is}`, { "--size": size }),
  ]);
  return { name, dir: isFolder ? data : undefined, by, size, resize, mapping, heldOut, layout, followLinks };
}

/** Says what the data are. Returns the exit code. */
export async function runInspect(flags: InspectFlags, out: Output): Promise<number> {
  const settings = await settingsOf(flags);
  const splits = await loadSplits(settings, flags.timeSteps ?? FRAMES);
  try {
    const { summary } = splits;
    if (!summary) throw new UsageError(`${quote(flags.data)}: nothing was read`);
    for (const line of summaryLines(summary)) out.say(line);
    const sheet = flags.sheet === false ? null : await writeSheet(splits, out, flags.sheet);
    out.emit({ kind: "data", ...summaryRecord(summary), ...(sheet === null ? {} : { sheet }) });
    return 0;
  } catch (error) {
    throw withAdvice(error, settings);
  } finally {
    await splits.close();
  }
}

/** Adds `inspect` to the command tree; `done` receives the exit code. */
export function addInspectCommand(root: Command, done: (code: number) => void): void {
  layoutOptions(root.command("inspect"))
    .summary("say what a folder of data is taken for")
    .description(
      "Reads a folder of data as training would, and says what it found: how the data lie, which parts they have, how many\nsamples of each class, sizes, everything that is passed over; with a sheet of a few images of each class.",
    )
    .argument("<data>", "folder of images, archives, shards, IDX or CIFAR files, recordings; or mnist, events")
    .addOption(new Option("--data <name>", "what to read it as; default: seen from the files").choices(NAMES))
    .option("--size <pixels>", "side of the square that the network sees; events: of the frames", whole(1))
    .option("--resize <pixels>", "images: shorter side before the central square is cut", whole(1))
    .option("--mapping <file>", "images: the class of each image of a folder val without class folders")
    .option("--held-out <share>", "images: share to test with where there is no test set; default 0.1", number)
    .option("-T, --time-steps <n>", "events: frames of each recording; default 8", whole(1))
    .addOption(new Option("--by <what>", "events: frames of equal number or time").choices(["number", "time"]))
    .option("--sheet <file>", "where the sheet goes, a PNG; default: in the system's temporary folder")
    .option("--no-sheet", "no sheet")
    .option("--json", "one JSON object on stdout")
    .addHelpText(
      "after",
      `
Examples
  $ espalier inspect photos
  $ espalier inspect photos --sheet photos.png --layout folder`,
    )
    .action(async (data: string, flags: Omit<InspectFlags, "data" | "as"> & { data?: string; json?: boolean }) => {
      const { data: as, json = false, ...rest } = flags;
      done(await runInspect({ ...rest, data, ...(as === undefined ? {} : { as }) }, makeOutput(json)));
    });
}
