// `npm run bench:gpu`: one run of at most four minutes on a machine with a GPU. It measures peaks, kernels and training steps
// against them, and writes one JSON file to send back. See bench/README.md.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { currentGpu, requestGpu } from "../../src/gpu/index.ts";
import { doctor, installGpu, runEnvironment, writeAtomic } from "../../src/node_internal.ts";
import type { Precision } from "../../src/train/index.ts";
import { measureGauge } from "../lib/gauge.ts";
import { adapterName, gaugeLine } from "../lib/rows.ts";
import { describeAdapter, pickClock } from "../lib/run.ts";
import { Budget, type Part } from "./budget.ts";
import { type KernelRow, measureLayer, measureProduct } from "./kernels.ts";
import { LAYERS, layerName, PASSES, PRODUCTS, productName, shrinkLayer, shrinkProduct } from "./layers.ts";
import { fileNameOf, type GpuReport, kernelLine, overheadLine, skippedLines, stepLine, torchLines } from "./report.ts";
import { measureOverhead, measureStep, SMALL_STEP_MODELS, STEP_MODELS, type StepRow } from "./steps.ts";
import { measureTorch, torchVersion } from "./torch.ts";

interface Flags {
  readonly budget: number;
  readonly out?: string;
  readonly small?: boolean;
}

const note = (line: string) => process.stderr.write(`${line}\n`);

/** Request a device. The tuner takes a tenth of the budget; stored choices of earlier runs would hide the rule's. */
const openGpu = (budget: number) => requestGpu({ tuneStore: null, tuneBudgetMs: 100 * budget });

/** A run: its report so far, its budget, and the file. */
class Run {
  readonly budget: Budget;
  report: GpuReport;
  private readonly file: string;
  private readonly isSmall: boolean;

  constructor(flags: Flags, report: GpuReport) {
    this.budget = new Budget(flags.budget);
    this.report = report;
    this.file = flags.out ?? join("bench", "results", fileNameOf(report.adapter));
    this.isSmall = flags.small ?? report.adapter.software;
  }

  get path(): string {
    return this.file;
  }

  /** Add to the report and write it, so that a stopped run keeps what it measured. */
  async save(changed: Partial<GpuReport>): Promise<void> {
    const seconds = Math.round(10 * this.budget.spent) / 10;
    this.report = { ...this.report, ...changed, seconds, skipped: this.budget.skipped };
    await writeAtomic(this.file, new TextEncoder().encode(`${JSON.stringify(this.report, null, 1)}\n`));
  }

  /** Do some work; a failure is reported, and the run goes on. */
  async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const error = (cause as Error).message.split("\n")[0]!;
      note(`${what}: FAILED: ${error}`);
      await this.save({ failures: [...this.report.failures, { what, error }] });
      // A device that reported an error would report it again.
      await openGpu(this.report.budget);
    }
  }

  /** Measure all layers and products in one precision. A row is expected to take one and a half times the mean of those before. */
  async kernels(part: Part, precision: Precision, add: (row: KernelRow) => Promise<void>): Promise<void> {
    const clock = this.report.clock as "queue" | "timestamp";
    const layers = this.isSmall ? LAYERS.map(shrinkLayer) : LAYERS;
    const products = this.isSmall ? PRODUCTS.map(shrinkProduct) : PRODUCTS;
    const work = [
      ...layers.flatMap((layer) =>
        PASSES.map((pass) => ({
          name: `conv ${pass} ${layerName(layer)} ${precision}`,
          measure: () => measureLayer(layer, pass, precision, clock),
        })),
      ),
      ...products.map((product) => ({
        name: `matmul ${productName(product)} ${precision}`,
        measure: () => measureProduct(product, precision, clock),
      })),
    ];
    const start = this.budget.spent;
    for (const [i, { name, measure }] of work.entries()) {
      const usual = i === 0 ? 1 : (this.budget.spent - start) / i;
      if (!this.budget.allows(part, name, 1.5 * usual)) continue;
      await this.attempt(name, async () => {
        const row = await measure();
        note(kernelLine(row, this.report.gauge, this.report.adapter));
        await add(row);
      });
    }
  }

  /** Measure the steps of both models in one precision. */
  async steps(part: Part, precision: Precision, add: (row: StepRow) => Promise<void>): Promise<void> {
    const models = this.isSmall ? SMALL_STEP_MODELS : STEP_MODELS;
    for (const [i, model] of models.entries()) {
      const name = `${model.model} batch ${model.batch}`;
      // The first step compiles.
      const left = this.budget.left(part) / (models.length - i);
      if (!this.budget.allows(part, name, 5)) continue;
      await this.attempt(`step ${name} ${precision}`, async () => {
        const row = await measureStep(model, precision, Math.max(0.5, Math.min(4, left / 4)));
        note(stepLine(row, this.report.adapter));
        await add(row);
      });
    }
  }
}

/** Return the commit of a bundle, which its build wrote beside it. */
function bundledCommit(): string | null {
  try {
    const text = readFileSync(new URL("./package.json", import.meta.url), "utf8");
    return (JSON.parse(text) as { commit?: string | null }).commit ?? null;
  } catch {
    return null;
  }
}

/** Return a report without measurements. */
function emptyReport(flags: Flags, clock: string): GpuReport {
  const { started, commit, ...versions } = runEnvironment();
  return {
    format: "espalier-gpu/1",
    complete: false,
    started,
    commit: commit ?? bundledCommit(),
    versions: { ...versions },
    adapter: describeAdapter(),
    limits: { ...currentGpu().adapter.limits },
    clock,
    budget: flags.budget,
    seconds: 0,
    doctor: null,
    gauge: null,
    kernels: [],
    steps: [],
    overhead: null,
    torch: null,
    tuned: { choices: {}, kernels: [], steps: [] },
    failures: [],
    skipped: [],
  };
}

async function measureUntuned(run: Run): Promise<void> {
  await run.attempt("doctor", async () => run.save({ doctor: await doctor({ log: () => {} }) }));
  await run.attempt("peaks", async () => {
    const gauge = await measureGauge({ clock: run.report.clock as "queue" | "timestamp" });
    note(gaugeLine(gauge));
    await run.save({ gauge });
  });
  const addKernel = (row: KernelRow) => run.save({ kernels: [...run.report.kernels, row] });
  const addStep = (row: StepRow) => run.save({ steps: [...run.report.steps, row] });
  const halves = run.report.adapter.features.includes("shader-f16");
  if (!halves) run.budget.skip("layers f16, steps f16", "the adapter has no shader-f16");
  await run.kernels("layers f32", "f32", addKernel);
  if (halves) await run.kernels("layers f16", "f16", addKernel);
  await run.steps("steps f32", "f32", addStep);
  if (halves) await run.steps("steps f16", "f16", addStep);
  await run.attempt("overhead", async () => {
    const overhead = await measureOverhead();
    note(overheadLine(overhead, run.report.adapter));
    await run.save({ overhead });
  });
}

async function measurePytorch(run: Run, isSmall: boolean): Promise<void> {
  const version = await torchVersion();
  if (version === null) return run.budget.skip("pytorch", "python3 has no torch");
  if (!run.budget.allows("pytorch", "all", 5)) return;
  const work = isSmall
    ? { layers: LAYERS.map(shrinkLayer), products: PRODUCTS.map(shrinkProduct), steps: SMALL_STEP_MODELS }
    : { layers: LAYERS, products: PRODUCTS, steps: STEP_MODELS };
  const torch = await measureTorch({ seconds: run.budget.left("pytorch"), ...work });
  if (torch) await run.save({ torch });
  else run.budget.skip("pytorch", "the measurement failed");
}

/** Tune, and measure steps and kernels again with its choices. */
async function measureTuned(run: Run): Promise<void> {
  const { tuner } = currentGpu();
  if (!tuner.active) return run.budget.skip("tuned", "the tuner is for hardware");
  if (!run.budget.allows("tuned", "all", 10)) return;
  await run.attempt("tune", async () => {
    await tuner.tune();
    await run.save({ tuned: { ...run.report.tuned, choices: Object.fromEntries(currentGpu().tuner.choices()) } });
  });
  const { adapter } = run.report;
  const tuned = () => run.report.tuned;
  const addKernel = (row: KernelRow) => run.save({ tuned: { ...tuned(), kernels: [...tuned().kernels, row] } });
  const addStep = (row: StepRow) => run.save({ tuned: { ...tuned(), steps: [...tuned().steps, row] } });
  const precisions: Precision[] = adapter.features.includes("shader-f16") ? ["f32", "f16"] : ["f32"];
  for (const precision of precisions) await run.steps("tuned", precision, addStep);
  for (const precision of precisions) await run.kernels("tuned", precision, addKernel);
}

async function main(flags: Flags): Promise<void> {
  await installGpu();
  await openGpu(flags.budget);
  const run = new Run(flags, emptyReport(flags, await pickClock()));
  note(`${adapterName(run.report.adapter)}; at most ${flags.budget} s; ${run.path}`);
  await run.save({}); // fails before the work if the file cannot be written
  await measureUntuned(run);
  await measurePytorch(run, flags.small ?? run.report.adapter.software);
  await measureTuned(run);
  await run.save({ complete: true });
  for (const line of torchLines(run.report)) note(line);
  for (const line of skippedLines(run.budget.skipped)) note(line);
  note(`${run.report.seconds} s; results: ${run.path}`);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 10 && Number.isFinite(value))) throw new InvalidArgumentError("expected seconds >= 10");
  return value;
}

const program = new Command("bench:gpu")
  .description(
    "Measures this machine's GPU once: peaks, kernels, training steps, PyTorch beside them. Writes one JSON file.",
  )
  .option("--budget <seconds>", "time of the whole run", seconds, 230)
  .option("--out <file>", "the results; default: bench/results/gpu_ADAPTER.json")
  .option("--small", "sizes for an adapter that computes on the CPU")
  .action(main);

let code = 0;
try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof Error && ["AdapterError", "FileError", "SetupError"].includes(error.name);
  note(`bench:gpu: ${known ? (error as Error).message : ((error as Error).stack ?? String(error))}`);
  code = 1;
}
// Dawn keeps the process alive.
process.exit(code);
