// Compares training in f16 with training in f32: LeNet-BN on MNIST by the default recipe, several seeds each. Writes
// bench/results/half_mnist.json and .md. Usage: node --import tsx --import ./tools/wgsl_node.mjs bench/half_accuracy.ts
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SEEDS = [0, 1, 2];
const PRECISIONS = ["f32", "f16"] as const;
/** Largest difference of the mean accuracies, in percentage points. */
const LIMIT = 0.1;

interface Result {
  readonly seed: number;
  readonly precision: (typeof PRECISIONS)[number];
  readonly accuracy: number;
  readonly sparsity: number;
  readonly loss: number;
  readonly seconds: number;
  readonly peakBytes: number;
  readonly adapter: string;
}

const root = resolve(import.meta.dirname, "..");
const hooks = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs"];

/** Train by the command line and return the result. */
function train(seed: number, precision: Result["precision"], folder: string): Result {
  const out = join(folder, `${precision}-${seed}`);
  const flags = ["train", "--seed", String(seed), "--precision", precision, "--out", out, "--json"];
  const { stdout, status, stderr } = spawnSync(process.execPath, [...hooks, "src/cli/main.ts", ...flags], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${precision}, seed ${seed}: exit status ${status}: ${stderr.slice(-2000)}`);
  const lines = stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  const { accuracy, sparsity, loss, seconds, peakBytes, adapter } = lines.find(({ kind }) => kind === "result");
  return { seed, precision, accuracy, sparsity, loss, seconds, peakBytes, adapter };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const percent = (share: number) => (100 * share).toFixed(2);

function report(results: readonly Result[]): string {
  const of = (precision: string) => results.filter((r) => r.precision === precision);
  const difference = 100 * (mean(of("f16").map((r) => r.accuracy)) - mean(of("f32").map((r) => r.accuracy)));
  const rows = results.map(
    ({ seed, precision, accuracy, sparsity, loss }) =>
      `| ${precision} | ${seed} | ${percent(accuracy)} | ${percent(sparsity)} | ${loss.toFixed(4)} |`,
  );
  const means = PRECISIONS.map(
    (p) =>
      `| ${p} | mean | ${percent(mean(of(p).map((r) => r.accuracy)))} | ${percent(mean(of(p).map((r) => r.sparsity)))} | ${mean(of(p).map((r) => r.loss)).toFixed(4)} |`,
  );
  return [
    "# Training in f16 beside f32",
    "",
    `LeNet-BN on MNIST by the default recipe (3 epochs, soft threshold 0.1), on ${results[0]!.adapter}.`,
    "Made by `bench/half_accuracy.ts`.",
    "",
    "| precision | seed | test accuracy, % | zeros, % | test loss |",
    "|---|---|---|---|---|",
    ...rows,
    ...means,
    "",
    `The mean accuracy differs by ${difference.toFixed(2)} points; the limit is ${LIMIT}.`,
    "",
  ].join("\n");
}

const folder = mkdtempSync(join(tmpdir(), "half-accuracy-"));
try {
  const results: Result[] = [];
  for (const seed of SEEDS) {
    for (const precision of PRECISIONS) {
      results.push(train(seed, precision, folder));
      const { accuracy, sparsity } = results.at(-1)!;
      console.log(`${precision}, seed ${seed}: accuracy ${percent(accuracy)} %, zeros ${percent(sparsity)} %`);
    }
  }
  const at = (ending: string) => join(root, "bench/results", `half_mnist.${ending}`);
  writeFileSync(at("json"), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(at("md"), report(results));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
