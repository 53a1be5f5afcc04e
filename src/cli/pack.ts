// `espalier pack`: decodes a folder of images once, into shards that training reads without decoding.

import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { Command } from "commander";
import {
  decodedDataset,
  type EncodedSource,
  type ImageLayout,
  openImageSources,
  type PackOptions,
  packShards,
  poolAdvice,
} from "../images/index.ts";
import { IMAGE_SIZE } from "../images/layouts.ts";
import type { ShardIndex } from "../internal.ts";
import { espalierCommand } from "../node/command_name.ts";
import { FolderLock, LOCK_FILE, makeFolder, removeEmptyFolders, sweepTemporaries } from "../node_internal.ts";
import { addSettings } from "../recipe/flags.ts";
import { refuseIdleParts, withAdvice } from "../recipe/image_data.ts";
import { type DataSummary, summarise, summaryLines, summaryRecord } from "../report/data_summary.ts";
import { above0, whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import type { Output } from "../terminal/output.ts";
import { createProgress, type Progress, silent } from "../terminal/progress.ts";
import { printable, writeLine } from "../terminal/terminal.ts";
import { defined, mib, plural } from "../text/index.ts";
import { type Done, finish, jsonOption } from "./options.ts";
import { stopAtSignals } from "./stop_at_signals.ts";

interface PackFlags {
  readonly dir: string;
  readonly out: string;
  /** Shorter side after resizing; false leaves images as they are. */
  readonly resize?: number | false;
  readonly size?: number;
  readonly view?: number;
  readonly mean?: number[];
  readonly std?: number[];
  /** Size limit of a shard in MiB. */
  readonly shardMb?: number;
  readonly exact?: boolean;
  /** Limit of skipped images in each part. */
  readonly skipBad?: number;
  readonly mapping?: string;
  readonly synsets?: string;
  readonly heldOut?: number;
  readonly seed?: number;
  readonly workers?: number;
  readonly layout?: ImageLayout;
  readonly followLinks?: boolean;
  /** Stops packing, as Ctrl-C does. */
  readonly signal?: AbortSignal;
}

const PARTS = ["train", "test"] as const;
type Part = (typeof PARTS)[number];

/** Files of a part's folder; the last kind is left by a crash during a write. */
const OWN_FILES = /^(index\.json|packing\.json|shard-\d{5}\.bin)(\.tmp\.\d+\.\d+)?$/;

/** Resolve the links of a path whose last parts need not exist yet. */
async function placeOf(path: string): Promise<string> {
  const full = resolve(path);
  const real = await realpath(full).catch(() => null);
  if (real !== null || dirname(full) === full) return real ?? full;
  return join(await placeOf(dirname(full)), basename(full));
}

/** Refuse a folder that holds other files than shards, and a folder inside the images. */
async function checkOut(dir: string, out: string): Promise<void> {
  const [source, goal] = [await placeOf(dir), await placeOf(out)];
  if (goal === source || goal.startsWith(source.endsWith(sep) ? source : source + sep))
    throw new UsageError(`--out ${out}: expected a folder outside the images, got one inside ${dir}`);
  const found = await stat(goal).catch(() => null);
  if (!found) return;
  if (!found.isDirectory()) throw new UsageError(`--out ${out}: expected a folder, got a file`);
  const refuse = (name: string) => {
    throw new UsageError(`--out ${out}: holds ${printable(name)}, which is not a shard; choose another folder`);
  };
  for (const entry of await readdir(goal, { withFileTypes: true })) {
    if (entry.name.startsWith(LOCK_FILE)) continue;
    if (!entry.isDirectory() || !(PARTS as readonly string[]).includes(entry.name)) refuse(entry.name);
    for (const name of await readdir(join(goal, entry.name))) {
      if (!OWN_FILES.test(name)) refuse(`${entry.name}/${name}`);
    }
  }
}

function packOptions(flags: PackFlags): PackOptions {
  const { resize, size, view, shardMb, exact, skipBad, workers, mean, std } = flags;
  if (resize === false && size === undefined)
    throw new UsageError("--no-resize: expected --size, the size of the stored images");
  refuseIdle(idleUnless(resize !== false, "is about resizing, which --no-resize disables", { "--exact": exact }));
  return defined({
    ...{ size, view, exact, skipBad, workers, mean, std, resize: resize === false ? null : resize },
    shardBytes: shardMb === undefined ? undefined : Math.floor(shardMb * 2 ** 20),
  });
}

interface Job {
  readonly part: Part;
  readonly source: EncodedSource;
  /** Images of the parts before it. */
  readonly before: number;
}

/** Sum the bytes of all shards of a part. */
async function bytesOf(folder: string, { shards }: ShardIndex): Promise<number> {
  const sizes = await Promise.all(shards.map(async ({ file }) => (await stat(join(folder, file))).size));
  return sizes.reduce((a, b) => a + b, 0);
}

class Packing {
  /** Images decoded in this run. */
  decoded = 0;
  done = 0;
  private readonly total: number;
  private readonly progress: Progress;

  constructor(total: number, progress: Progress) {
    this.total = total;
    this.progress = progress;
  }

  /** Pack one part. */
  async pack({ part, source, before }: Job, out: string, options: PackOptions): Promise<ShardIndex> {
    const folder = join(out, part);
    const counted: EncodedSource = {
      ...source,
      read: (i) => {
        this.decoded++;
        return source.read(i);
      },
    };
    return packShards(counted, folder, {
      ...options,
      onProgress: (done) => {
        this.done = before + done;
        this.progress.update(this.done, this.total);
      },
      onBad: (error, count) => this.progress.log(`skipped, ${count} of ${part}: ${printable(error.message)}`),
    });
  }
}

/** The locked folder of the shards. If it stays empty, it is removed again. */
class OutFolder implements Disposable {
  private readonly lock: FolderLock;
  private readonly made: readonly string[];

  private constructor(lock: FolderLock, made: readonly string[]) {
    this.lock = lock;
    this.made = made;
  }

  /** Errors: UsageError for a folder with other things in it, FolderError for one that is in use. */
  static async claim({ dir, out }: PackFlags, note: (line: string) => void): Promise<OutFolder> {
    await checkOut(dir, out);
    const made = makeFolder(out);
    const folder = new OutFolder(
      await FolderLock.take(out, { command: `espalier pack ${dir} --out ${out}`, note }),
      made,
    );
    sweepTemporaries(PARTS.map((part) => join(out, part)));
    return folder;
  }

  [Symbol.dispose](): void {
    this.lock.release();
    removeEmptyFolders(this.made);
  }
}

/** Open the images of the folder, and print a summary. */
async function openSources(flags: PackFlags, { size: stored, resize, view }: PackOptions, out: Output) {
  const { heldOut, seed, mapping, synsets, layout, followLinks } = flags;
  const options = defined({ heldOut, seed, mapping, synsets, layout, followLinks });
  const sources = await openImageSources(flags.dir, options);
  const { train, test, about } = sources;
  try {
    refuseIdleParts(about, {
      heldOut: { "--held-out": heldOut, "--seed": seed },
      mapped: { "--mapping": mapping, "--synsets": synsets },
    });
    const size = stored ?? resize ?? 256;
    const seen = { size: view ?? Math.max(1, Math.round((size * 224) / 256)) };
    const parts = { train: decodedDataset(train, seen), test: decodedDataset(test, seen), layout: sources.layout };
    const summary = await summarise(parts, { where: flags.dir, about });
    for (const line of summaryLines(summary)) out.say(line);
    return { train, test, summary };
  } catch (cause) {
    await Promise.all([train.close(), test.close()]);
    throw cause;
  }
}

/** Pack the images of a folder. Returns the exit code; throws on failure, `Interrupted` after a signal. */
async function runPack(flags: PackFlags, out: Output): Promise<number> {
  const options = packOptions(flags);
  using stops = stopAtSignals(out);
  const claiming = OutFolder.claim(flags, (line) => writeLine(process.stderr, line));
  using _claim = await stops.orStop(claiming, "stopped before the start");
  const opening = openSources(flags, options, out);
  const { train, test, summary } = await stops.orStop(opening, "stopped before the first image");
  const total = train.length + test.length;
  const advice = poolAdvice();
  if (advice) out.say(`note: ${advice}`);
  out.say(`${train.length} images to train with, ${test.length} to test with, ${train.classes.length} classes`);
  const signal = flags.signal ? AbortSignal.any([flags.signal, stops.signal]) : stops.signal;
  const progress = out.json ? silent : createProgress({ label: "pack" });
  const packing = new Packing(total, progress);
  const started = performance.now();
  try {
    const made = { ...options, signal };
    const trained = await packing.pack({ part: "train", source: train, before: 0 }, flags.out, made);
    const tested = await packing.pack({ part: "test", source: test, before: train.length }, flags.out, made);
    progress.stop();
    const seconds = (performance.now() - started) / 1000;
    await sayOutcome(flags.out, { trained, tested, seconds, decoded: packing.decoded, summary }, out);
    return 0;
  } catch (cause) {
    progress.stop();
    if (!signal.aborted) throw withAdvice(cause, { name: "images", skipBad: options.skipBad });
    throw stops.interrupted(
      `stopped at image ${packing.done} of ${total}; the same command continues after the last complete shard`,
    );
  } finally {
    progress.stop();
    await Promise.all([train.close(), test.close()]);
  }
}

interface Outcome {
  readonly trained: ShardIndex;
  readonly tested: ShardIndex;
  readonly seconds: number;
  readonly decoded: number;
  readonly summary: DataSummary;
}

async function sayOutcome(
  folder: string,
  { trained, tested, seconds, decoded, summary }: Outcome,
  out: Output,
): Promise<void> {
  const bytes = (await bytesOf(join(folder, "train"), trained)) + (await bytesOf(join(folder, "test"), tested));
  const shards = trained.shards.length + tested.shards.length;
  const skipped = trained.skipped.length + tested.skipped.length;
  const rate = decoded / seconds;
  const [, height, width] = trained.shape;
  const count = trained.length + tested.length;
  const speed = decoded === 0 ? "all were packed already" : `${decoded} decoded, ${rate.toFixed(0)} images/s`;
  const left = skipped === 0 ? "" : `, ${skipped} corrupt ones skipped`;
  out.say(`${count} images of ${height}x${width} in ${plural(shards, "shard")}, ${mib(bytes)}${left}; ${speed}`);
  out.say(`train with: ${espalierCommand()} train --data images --data-dir ${folder}`);
  out.emit({
    kind: "result",
    out: folder,
    train: trained.length,
    test: tested.length,
    classes: trained.classes.length,
    stored: [height, width],
    view: trained.view,
    shards,
    bytes,
    skipped: [...trained.skipped, ...tested.skipped],
    decoded,
    seconds,
    imagesPerSecond: decoded === 0 ? null : rate,
    data: summaryRecord(summary),
  });
}

/** Add the options and the action of `pack`. */
export function addPackCommand(command: Command, done: Done): void {
  command
    .description(
      "Decodes images (a folder for each class, ILSVRC's layout, webdataset tar, Hugging Face parquet) and writes the pixels into shards, which training reads several times faster than it decodes images. By default the central 256x256 pixels are stored, and training crops 224x224 of them at random. After a stop, the same command continues.",
    )
    .argument("<dir>", "folder of the images")
    .requiredOption("--out <folder>", "folder of the shards, which receives train/ and test/")
    .option("--resize <pixels>", "shorter side before the center crop (default 256)", whole(1))
    .option("--no-resize", "store images as they are")
    .option("--size <pixels>", "side of the square that is stored (default as --resize)", whole(1))
    .option(
      "--view <pixels>",
      `side of the square that a network sees (default ${IMAGE_SIZE} if 256 are stored)`,
      whole(1),
    )
    .option("--exact", "resize byte for byte as Pillow does, which is slower")
    .option("--shard-mb <n>", "size limit of a shard in MiB, also in memory (default 256)", above0);
  addSettings(
    command,
    {
      "data.skipBad": { help: "corrupt images of each part to skip before stopping" },
      ...{ "data.mean": {}, "data.std": {}, "data.mapping": {}, "data.heldOut": {} },
      seed: { help: "seed of the choice of held-out images", otherwise: 0 },
      ...{ "data.layout": {}, "data.followLinks": {}, "data.workers": {} },
    },
    "Options",
  );
  command.option("--synsets <file>", "file with the class of each number of ILSVRC's devkit");
  jsonOption(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier pack imagenet --out shards                        256x256 stored, 224x224 seen
  $ espalier pack photos --out small --resize 40 --view 32     for a small network
  $ espalier train --data images --data-dir shards`,
    )
    .action((dir: string, flags: Omit<PackFlags, "dir">) => finish(done, runPack, { ...flags, dir }));
}
