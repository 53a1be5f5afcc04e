// `espalier bench-model`: bytes on disk, load time and speed of a model, dense, by sparse kernels, compacted, and in ONNX Runtime.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import {
  currentGpu,
  measureSpeed,
  modelWay,
  type OpenWeights,
  openSpeedForms,
  type SpeedForms,
  type SpeedResult,
  type SpeedWay,
  type StateDict,
} from "../internal.ts";
import { adapterName, openGpu } from "../node/adapter.ts";
import { addSettings } from "../recipe/flags.ts";
import { conditionsOf, renderFileTable, renderSpeedTable, type SpeedReport } from "../report/speed_report.ts";
import { modelFile } from "../run/model_file.ts";
import { expectNoInput, writeOutput } from "../run/output_file.ts";
import { openWeightsFile } from "../run/weights_in.ts";
import { whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { optionText } from "../terminal/option_text.ts";
import type { Output } from "../terminal/output.ts";
import { createProgress } from "../terminal/progress.ts";
import { type Accuracies, type BenchFlags, testForms } from "./bench_model_accuracy.ts";
import { loadTimes, onnxOf, writeFiles } from "./bench_model_files.ts";
import { type Known, networkOf } from "./export.ts";
import { MODEL_OF_FILE, sizeOptions, WEIGHTS_OF_FILE } from "./network_options.ts";
import { type Done, finish, gpuOptions } from "./options.ts";
import { kernelsOption } from "./sparse_kernels.ts";
import { zeroShare } from "./zero_share.ts";

const BATCHES = [1, 64];
const ROUNDS = 9;

/** Read batch sizes: "1,64". */
function batchSizes(text: string): number[] {
  const sizes = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!sizes.every((n) => Number.isInteger(n) && n >= 1) || new Set(sizes).size < sizes.length)
    throw new InvalidArgumentError("expected different integers >= 1 such as 1,64");
  return sizes.sort((a, b) => a - b);
}

/** Return the model file, checked with the files to write. Errors: UsageError. */
function filesOf({ path, html, results, test, data, dataDir, resize }: BenchFlags): string {
  const tests = { "--data": data, "--data-dir": dataDir, "--resize": resize };
  refuseIdle(idleUnless(test ?? true, "is for the test, which --no-test leaves out", tests));
  const file = modelFile(path, "dense");
  const outputs = { "--html": html, "--results": results };
  for (const [flag, output] of Object.entries(outputs)) {
    if (output === undefined) continue;
    expectNoInput(flag, output, [file]);
    if (!existsSync(dirname(resolve(output)))) throw new UsageError(`${flag}: there is no folder ${dirname(output)}`);
  }
  if (html !== undefined && results !== undefined && resolve(html) === resolve(results))
    throw new UsageError(`--html, --results: expected two files, got ${html} twice`);
  return file;
}

/** Return the network of the file. Errors: UsageError. */
async function knownOf(flags: BenchFlags, opened: OpenWeights, file: string): Promise<Known> {
  const known = await networkOf(flags, opened, file);
  if (!known) throw new UsageError(`${file}: does not name its model; give --model`);
  const missing = [...known.model.namedState()].map(([name]) => name).filter((name) => !known.weights.has(name));
  if (missing.length > 0)
    throw new UsageError(`${file}: expected all weights of the network; --allow-missing leaves out ${missing[0]}`);
  return known;
}

/** Time all ways with every batch size. Returns the results by way. */
async function speeds(ways: readonly SpeedWay[], known: Known, flags: BenchFlags, out: Output) {
  const { batch = BATCHES, rounds = ROUNDS } = flags;
  const all: SpeedResult[] = [];
  const progress = out.json ? null : createProgress({ label: "bench-model" });
  try {
    for (const [i, size] of batch.entries()) {
      const onRound = (done: number) => progress?.update(i * rounds + done, batch.length * rounds);
      all.push(...(await measureSpeed(ways, { sample: known.input, batch: size, rounds, onRound })));
    }
  } finally {
    progress?.stop();
  }
  return (name: string) => all.filter((result) => result.name === name);
}

/** Measure files, load times and speed. `notes` gets the reasons for what is missing. */
async function measure(
  known: Known,
  { forms, tested, flags, metadata, notes, out }: MeasureParts,
): Promise<Pick<SpeedReport, "files" | "rows" | "systemLoad">> {
  const folder = mkdtempSync(join(tmpdir(), "espalier-bench-model-"));
  try {
    const onnx = await onnxOf(known, { flags, metadata, notes, out });
    try {
      const files = writeFiles(folder, { known, forms, metadata, onnx: onnx?.bytes ?? null });
      const systemLoad = loadavg()[0]!;
      const ways = forms.forms.map(({ name, model }) => modelWay(name, model, known.input));
      if (onnx) ways.push(onnx.speed.way);
      const speedOf = await speeds(ways, known, flags, out);
      const loads = await loadTimes(folder, { known, forms, onnx, flags });
      const rows = ways.map(({ name }) => {
        const accuracy = tested?.get(name);
        const kernels = forms.forms.find((form) => form.name === name)?.kernels ?? [];
        return {
          ...{ name, load: loads.get(name)!, speed: speedOf(name), kernels },
          ...(accuracy === undefined ? {} : { accuracy }),
        };
      });
      return { files, rows, systemLoad };
    } finally {
      await onnx?.speed.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface MeasureParts {
  readonly forms: SpeedForms;
  readonly tested: Accuracies | null;
  readonly flags: BenchFlags;
  readonly metadata: Readonly<Record<string, string>>;
  readonly notes: string[];
  readonly out: Output;
}

/** Write the report to the files that the flags name. */
async function writeReport(report: SpeedReport, { html, results }: BenchFlags, out: Output): Promise<void> {
  if (html !== undefined) {
    const { speedPage } = await import("../report/speed_page.ts");
    await writeOutput(html, new TextEncoder().encode(speedPage(report)), "espalier bench-model");
    out.say(`page: ${html}`);
  }
  if (results !== undefined) {
    const text = `${JSON.stringify(report, null, 2)}\n`;
    await writeOutput(results, new TextEncoder().encode(text), "espalier bench-model");
    out.say(`results: ${results}`);
  }
}

/** Measure a model. Returns the exit code. */
export async function runBenchModel(flags: BenchFlags, out: Output): Promise<number> {
  const file = filesOf(flags);
  const opened = await openWeightsFile(file);
  const known = await knownOf(flags, opened, file);
  for (const note of known.notes) out.say(note);
  // The writers of files write these themselves.
  const { format: _, shapes: __, ...rest } = Object.fromEntries(opened.metadata);
  const metadata = { ...rest, ...known.facts };
  const notes: string[] = [];
  const tested = (flags.test ?? true) ? await testForms(known, flags, notes) : null;
  if (!tested) await openGpu(flags);
  const weights = known.weights as StateDict;
  using forms = await openSpeedForms({
    ...{ build: known.build, weights, sample: known.input },
    kernels: flags.kernels ?? "auto",
  });
  notes.push(...forms.notes);
  const measured = await measure(known, { forms, tested, flags, metadata, notes, out });
  const { adapter } = currentGpu();
  const report: SpeedReport = {
    ...{ path: flags.path, model: known.facts["model"]!, sample: known.input, zeros: zeroShare(weights) },
    ...{ adapter: adapterName(adapter), software: adapter.software, cores: availableParallelism() },
    ...{ rounds: flags.rounds ?? ROUNDS, ...measured, notes },
  };
  out.say(renderFileTable(report), "rendered");
  out.say(renderSpeedTable(report), "rendered");
  out.say(conditionsOf(report));
  for (const note of notes) out.say(note);
  await writeReport(report, flags, out);
  out.emit({ kind: "result", ...report });
  return 0;
}

/** Add the options and the action of `bench-model`. */
export function addBenchModelCommand(command: Command, done: Done): void {
  command
    .description(
      "Measures a model: the bytes of its files in every layout, the time from a file to the first logits, the latency, and images per second by dense kernels, by sparse kernels, compacted, and in ONNX Runtime on the CPU, which needs the package onnxruntime-web. All are timed in turn in every round. Tests the accuracy if the data of the run is there.",
    )
    .argument("<path>", "a run's folder, a .safetensors file, or PyTorch's .pt and .pth")
    .option("--batch <sizes>", optionText("batch sizes to time", undefined, BATCHES.join(",")), batchSizes)
    .option("--rounds <n>", optionText("rounds of each batch size", undefined, String(ROUNDS)), whole(1))
    .addOption(kernelsOption("Options:", "auto"))
    .option("--no-test", "do not test the accuracy")
    .option("--no-onnx", "leave ONNX Runtime out")
    .option("--html <file>", "write a page with charts")
    .option("--results <file>", "write all numbers as JSON");
  sizeOptions(command);
  addSettings(
    command,
    {
      ...MODEL_OF_FILE,
      "data.name": { otherwise: "the file's" },
      "data.dir": { otherwise: "the run's" },
      "data.resize": { help: "images: shorter side before the center crop" },
      ...WEIGHTS_OF_FILE,
    },
    "Options",
  );
  gpuOptions(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier bench-model runs/mnist_lenet
  $ espalier bench-model runs/mnist_lenet --html speed.html --results speed.json
  $ espalier bench-model pruned.pth --model resnet-20 --size 32 --batch 1,16,256 --no-test`,
    )
    .action((path: string, flags: Omit<BenchFlags, "path">) => finish(done, runBenchModel, { ...flags, path }));
}
