// `espalier inspect`: shows what a folder of data holds, in a summary and a picture.
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { Command } from "commander";
import { EVENT_DATA, IMAGE_DATA, isEventData, TABLE_DATA } from "../recipe/data_names.ts";
import { loadSplits } from "../recipe/datasets.ts";
import { addSettings } from "../recipe/flags.ts";
import { withAdvice } from "../recipe/image_data.ts";
import type { DataSettings } from "../recipe/splits.ts";
import { summaryLines, summaryRecord } from "../report/data_summary.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { makeOutput, type Output } from "../terminal/output.ts";
import { quote } from "../text/index.ts";
import { writeSheet } from "./inspect_sheet.ts";
import { type Done, jsonOption } from "./options.ts";

interface InspectFlags {
  /** A folder, or the name of built-in data. */
  readonly data: string;
  /** Kind of data; detected by default. */
  readonly as?: string | undefined;
  readonly layout?: DataSettings["layout"];
  readonly followLinks?: boolean;
  readonly size?: number;
  readonly resize?: number;
  readonly mapping?: string;
  readonly heldOut?: number;
  readonly inputs?: string[];
  readonly targets?: string[];
  readonly header?: boolean;
  readonly testFile?: string;
  readonly splitSeed?: number;
  readonly standardise?: boolean;
  readonly timeSteps?: number;
  readonly by?: "number" | "time";
  /** A path, or false for no sheet. */
  readonly sheet?: string | false;
}

const NAMES: readonly string[] = [...IMAGE_DATA, ...EVENT_DATA];
/** Files of numbers; .npz of events are inspected as npz. */
const TABLE_FILE = /\.(csv|tsv|npz|parquet)$/i;
/** Frames of event data, as in training. */
const FRAMES = 8;

/** Detect the kind of data by the names of files: IDX, CIFAR, else images. */
async function seenName(dir: string): Promise<string> {
  const names = await readdir(dir);
  if (names.some((name) => /^(train|t10k)-(images|labels)[-.]idx\d/.test(name))) return "idx";
  if (names.some((name) => name === "data_batch_1.bin" || name === "cifar-10-batches-bin")) return "cifar10";
  if (names.includes("cifar-100-binary") || (names.includes("train.bin") && names.includes("test.bin")))
    return "cifar100";
  return "images";
}

/** Return the settings of numbers in files. */
function tableSettings(flags: InspectFlags): DataSettings {
  const { data, inputs, targets, header, testFile, heldOut, splitSeed, standardise } = flags;
  const { size, resize, mapping, timeSteps, by, layout, followLinks } = flags;
  const others = { "--size": size, "--resize": resize, "--mapping": mapping, "--time-steps": timeSteps, "--by": by };
  const more = { "--layout": layout, "--follow-links": followLinks };
  refuseIdle(idleUnless(false, "is not for data table", { ...others, ...more }));
  return { name: TABLE_DATA[0], dir: data, inputs, targets, header, testFile, heldOut, splitSeed, standardise };
}

async function settingsOf(flags: InspectFlags): Promise<DataSettings> {
  const { data, as } = flags;
  const isFolder = existsSync(data) && statSync(data).isDirectory();
  const isTable = as === "table" || (as === undefined && !isFolder && existsSync(data) && TABLE_FILE.test(data));
  if (isTable) return tableSettings(flags);
  if (!isFolder && existsSync(data)) throw new UsageError(`${quote(data)}: expected a folder of data, got a file`);
  if (!isFolder && (as !== undefined || !NAMES.includes(data)))
    throw new UsageError(`${quote(data)}: no such folder, and no built-in data`);
  const name = as ?? (isFolder ? await seenName(data) : data);
  const { size, resize, mapping, heldOut, timeSteps, by, layout, followLinks } = flags;
  const forTable = {
    ...{
      "--inputs": flags.inputs,
      "--targets": flags.targets,
      "--header": flags.header,
      "--test-file": flags.testFile,
    },
    ...{ "--split-seed": flags.splitSeed, "--standardise": flags.standardise },
  };
  const forImages = { "--resize": resize, "--mapping": mapping, "--held-out": heldOut, "--layout": layout };
  const links = { "--follow-links": followLinks, "--no-follow-links": followLinks === false || undefined };
  const is = `the data is ${name}`;
  refuseIdle([
    ...idleUnless(false, `is for data table, ${is}`, forTable),
    ...idleUnless(name === "images", `is for data images, ${is}`, { ...forImages, ...links }),
    ...idleUnless(isEventData(name), `is for event data, ${is}`, { "--time-steps": timeSteps, "--by": by }),
    ...idleUnless(name === "images" || isEventData(name), `is for data images and events, ${is}`, { "--size": size }),
  ]);
  return { name, dir: isFolder ? data : undefined, by, size, resize, mapping, heldOut, layout, followLinks };
}

/** Print what the data is. Returns the exit code. */
export async function runInspect(flags: InspectFlags, out: Output): Promise<number> {
  const settings = await settingsOf(flags);
  const splits = await loadSplits(settings, flags.timeSteps ?? FRAMES);
  try {
    const { summary } = splits;
    if (!summary) throw new UsageError(`${quote(flags.data)}: expected data, got none`);
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

/** Add the options and the action of `inspect`. */
export function addInspectCommand(command: Command, done: Done): void {
  command
    .description(
      "Reads a folder of data as training would, and prints what it finds: layout, parts, samples per class, sizes and skipped files; writes a sheet with a few images of each class.",
    )
    .argument(
      "<data>",
      "folder of images, archives, shards, IDX or CIFAR files, recordings; a file of numbers; or mnist, events",
    );
  addSettings(
    command,
    {
      "data.name": { help: "kind of data", otherwise: "detected" },
      "data.size": { help: "side of the square that the network sees; event data: of the frames" },
      "data.resize": { help: "images: shorter side before the center crop" },
      "data.mapping": { help: "images: file of classes for a val folder without class folders" },
      "data.heldOut": { help: "share to test on if there is no test set; images: of each class" },
      ...{ "data.inputs": {}, "data.targets": {}, "data.header": {}, "data.testFile": {} },
      ...{ "data.splitSeed": {}, "data.standardise": {} },
      "data.layout": { help: "images: layout of the folder" },
      "data.followLinks": { help: "images: follow symbolic links out of the folder" },
      "model.timeSteps": { help: "event data: frames of each recording", otherwise: FRAMES },
      "data.by": {},
    },
    "Options",
  );
  command
    .option("--sheet <file>", "PNG file of the sheet (default in the system's temporary folder)")
    .option("--no-sheet", "write no sheet");
  jsonOption(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier inspect photos
  $ espalier inspect photos --sheet photos.png --layout folder
  $ espalier inspect houses.csv --targets price`,
    )
    .action(async (data: string, flags: Omit<InspectFlags, "data" | "as"> & { data?: string; json?: boolean }) => {
      const { data: as, json = false, ...rest } = flags;
      done(await runInspect({ ...rest, data, as }, makeOutput(json)));
    });
}
