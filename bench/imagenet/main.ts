// `npm run bench:imagenet`: measures a whole training step of each ImageNet network, from JPEG files to pruned weights.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { requestGpu } from "../../src/gpu/index.ts";
import { installGpu, writeAtomic } from "../../src/node_internal.ts";
import { jpegFolder } from "../../test/support/jpeg_folder.ts";
import { adapterName } from "../lib/rows.ts";
import { IMAGENET_MODELS, type StepRow, stepOf } from "./step.ts";
import { stepLine, stepMarkdown } from "./table.ts";

interface Flags {
  readonly models: readonly string[];
  readonly batch: number;
  readonly size: number;
  readonly images: number;
  readonly steps: number;
  readonly md?: string;
}

const whole = (text: string): number => {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1)) throw new InvalidArgumentError("expected an integer >= 1");
  return value;
};

function names(text: string): string[] {
  const wanted = text.split(",");
  const unknown = wanted.find((name) => !IMAGENET_MODELS.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`expected some of ${IMAGENET_MODELS.join(", ")}`);
  return wanted;
}

const command = new Command("bench:imagenet")
  .description("Times training steps of ImageNet networks on JPEG files that it draws for the purpose.")
  .option("--models <a,b>", "networks", names, [...IMAGENET_MODELS])
  .option("--batch <n>", "images of a step", whole, 4)
  .option("--size <n>", "pixels of a side that the network sees", whole, 224)
  .option("--images <n>", "JPEG files to train with, of ten classes; a tenth as many to test with", whole, 200)
  .option("--steps <n>", "steps after the first that are timed", whole, 1)
  .option("--md <file>", "write the table as Markdown");
const flags = command.parse().opts<Flags>();

const dir = await mkdtemp(join(tmpdir(), "espalier-bench-"));
try {
  await installGpu();
  const probe = await requestGpu({ tune: "off" });
  const adapter = adapterName(probe.adapter);
  probe.destroy();
  const perClass = Math.ceil(flags.images / 10);
  await jpegFolder(dir, { perClass, valPerClass: Math.max(1, Math.round(perClass / 10)), sides: [240, 420] });
  process.stderr.write(`${10 * perClass} JPEG files of 240 to 420 pixels a side to train with\n`);
  const rows: StepRow[] = [];
  for (const name of flags.models) {
    const row = await stepOf(name, dir, flags);
    rows.push(row);
    process.stdout.write(`${stepLine(row)}\n`);
  }
  if (flags.md !== undefined) {
    const about = [
      `Each step reads ${flags.batch} of ${10 * perClass} JPEG files (240 to 420 pixels a side), cuts and mirrors them, runs forward and`,
      `backward at ${flags.size} pixels and 1000 classes, and updates the weights under a soft threshold of 0.005.`,
      `Adapter ${adapter}; times are rough, the machine is shared.`,
    ];
    await writeAtomic(flags.md, new TextEncoder().encode(stepMarkdown(about.join("\n"), rows)));
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
