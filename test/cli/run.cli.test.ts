// Whole runs of the command on a small data set: output, files, and resuming after a stop.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { likeliest } from "../../src/cli/predict_guesses.ts";
import { parseSafetensors, readModelWeights } from "../../src/io/index.ts";
import { loadRecipe, resolveRecipe } from "../../src/recipe/recipe.ts";
import { loadOnnx } from "../export/onnx_runtime.ts";
import { espalier, ownLines } from "../support/cli.ts";
import { readEvents } from "../support/event_file_reader.ts";
import { squaresFolder } from "../support/idx_folder.ts";
import { squares } from "../support/shapes.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-run-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
let data = "";
const train = (out: string, ...more: string[]) => [
  ...[
    "train",
    "--data",
    "idx",
    "--data-dir",
    data,
    "--epochs",
    "2",
    "--batch-size",
    "16",
    "--log-every",
    "5",
    "--seed",
    "3",
  ],
  ...["--checkpoint-every", "4", "--json", "--out", at(out), ...more],
];
const json = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const result = (run: string) => JSON.parse(readFileSync(at(`${run}/result.json`), "utf8")) as Record<string, unknown>;

const steps = (run: string) =>
  json(readFileSync(at(`${run}/metrics.jsonl`), "utf8"))
    .filter((r) => r["kind"] === "step")
    .map((r) => [r["step"], r["loss"], r["sparsity"]]);

interface Event {
  readonly step?: string;
  readonly summary?: {
    readonly value?: readonly { tag: string; simple_value?: number; histo?: object; image?: object }[];
  };
}
/** The event files of a run in the order in which TensorBoard reads them. */
const boardOf = (run: string) =>
  readdirSync(at(`${run}/tensorboard`))
    .sort()
    .map((name) => readEvents(readFileSync(at(`${run}/tensorboard/${name}`))) as unknown as Event[]);
/** [step, value] of a tag. */
const scalars = (files: readonly Event[][], tag: string) =>
  files
    .flat()
    .flatMap(({ step, summary }) =>
      (summary?.value ?? []).flatMap((v) =>
        v.tag === tag ? [[Number(step), v.simple_value] as [number, number]] : [],
      ),
    );

beforeAll(async () => {
  data = squaresFolder(at("data"), 400, 80);
  const run = await espalier(train("whole"));
  expect(run.err.split("\n").filter((l) => l.startsWith("espalier:") && !l.includes("no GPU in use"))).toEqual([]);
  expect(run.code).toBe(0);
  const last = json(run.out).at(-1)!;
  expect(last).toMatchObject({
    kind: "result",
    steps: 50,
    seed: 3,
    parameters: 104_444,
    software: expect.any(Boolean),
  });
  for (const key of ["accuracy", "sparsity", "loss", "seconds", "peakBytes"]) expect(last[key], key).toBeGreaterThan(0);
  expect(last["accuracy"]).toBeGreaterThan(0.9);
  expect(typeof last["adapter"]).toBe("string");
});

describe("a finished run", () => {
  test("writes config, metrics, checkpoints, models and plots", () => {
    const files = readdirSync(at("whole")).sort();
    expect(files).toEqual([
      "README.md",
      "checkpoints",
      "config.yaml",
      "metrics.jsonl",
      "model.onnx",
      "model.safetensors",
      "model.sparse.safetensors",
      "plot.png",
      "plot.svg",
      "recipe.schema.json",
      "result.json",
      "run.json",
      "tensorboard",
    ]);
    expect(readdirSync(at("whole/checkpoints")).sort()).toEqual([
      "best.safetensors",
      "step_00000048.safetensors",
      "step_00000050.safetensors",
    ]);
    expect(readFileSync(at("whole/plot.svg"), "utf8")).toMatch(/^<svg[\s\S]*Sparsity[\s\S]*<\/svg>\s*$/);
    const rows = json(readFileSync(at("whole/metrics.jsonl"), "utf8"));
    expect(rows.filter((r) => r["kind"] === "epoch").map((r) => r["epoch"])).toEqual([1, 2]);
    expect(rows.filter((r) => r["kind"] === "step").at(-1)).toMatchObject({ step: 50, threshold: 0.1 });
  });

  test("its sparse model holds the same weights in fewer bytes", () => {
    const read = (name: string) => new Uint8Array(readFileSync(at(`whole/${name}`)));
    const dense = read("model.safetensors");
    const sparse = read("model.sparse.safetensors");
    expect(readModelWeights(sparse, "sparse").weights).toEqual(readModelWeights(dense, "dense").weights);
    expect(sparse.length).toBeLessThan(dense.length);
  });

  test("its ONNX file has the same accuracy", async () => {
    const { metadata } = readModelWeights(new Uint8Array(readFileSync(at("whole/model.safetensors"))), "dense");
    const { mean, std } = JSON.parse(metadata.get("normalise")!) as Record<"mean" | "std", number[]>;
    expect(JSON.parse(metadata.get("classNames")!)).toHaveLength(4);
    const samples = squares(80, 28, 4);
    const x = Float32Array.from(samples.images, (v) => (v / 255 - mean![0]!) / std![0]!);
    const runtime = await loadOnnx(new Uint8Array(readFileSync(at("whole/model.onnx"))));
    const { logits } = await runtime.run({ input: { data: x, shape: [80, 1, 28, 28] } });
    await runtime.release();
    const guesses = Array.from(
      { length: 80 },
      (_, i) => likeliest(logits!.data.subarray(4 * i, 4 * i + 4), 1)[0]!.class,
    );
    const right = guesses.filter((guess, i) => guess === samples.labels[i]).length;
    expect(right / 80).toBe(result("whole")["accuracy"]);
  });

  test("its card describes the model and its run", () => {
    const card = readFileSync(at("whole/README.md"), "utf8");
    const { accuracy } = result("whole") as { accuracy: number };
    expect(card).toContain(`- Accuracy: ${(100 * accuracy).toFixed(2)} % (top 1)`);
    expect(card).toContain(`espalier ${train("whole").join(" ")}\n`);
    expect(card).toMatch(/- Training samples: 400\n- Test samples: 80\n/);
    // Its recipe can be trained again.
    const [, text = ""] = /```yaml\n(.*?)```/s.exec(card) ?? [];
    expect(resolveRecipe({ text, file: "README.md" })).toEqual(loadRecipe(at("whole/config.yaml")));
  });

  test("TensorBoard has its curves, histograms and pictures", () => {
    const events = boardOf("whole");
    expect(events).toHaveLength(1);
    expect(events[0]![1]).toMatchObject({ session_log: { status: 1 } });
    expect(scalars(events, "loss/train").map(([step]) => step)).toEqual(steps("whole").map(([step]) => step));
    expect(scalars(events, "accuracy/test").at(-1)).toEqual([50, Math.fround(result("whole")["accuracy"] as number)]);
    expect(scalars(events, "speed/steps_per_second").length).toBeGreaterThan(5);
    const shown = events.flat().flatMap((e) => e.summary?.value ?? []);
    expect(shown.filter((v) => v.histo && v.tag === "weights/7")).toHaveLength(2);
    expect(shown.filter((v) => v.image).map((v) => v.tag)).toEqual(["data/train", "plot"]);
  });

  test("eval gives the accuracy and sparsity that training reported", async () => {
    const want = JSON.parse(readFileSync(at("whole/result.json"), "utf8")) as Record<string, number>;
    const { out, code } = await espalier(["eval", at("whole"), "--data", "idx", "--data-dir", data, "--json"]);
    expect(code).toBe(0);
    expect(json(out).at(-1)).toMatchObject({ accuracy: want["accuracy"], sparsity: want["sparsity"] });
  });
});

test("kill -9 during an epoch, then --resume, gives the bits of an uninterrupted run", async () => {
  const killed = await espalier(train("killed"), {
    kill: (out) => (out.split('"kind":"checkpoint"').length > 4 ? "SIGKILL" : null),
  });
  expect(killed.code).toBeNull();
  expect(existsSync(at("killed/model.safetensors"))).toBe(false);
  const resumed = await espalier(["train", "--resume", at("killed"), "--json"]);
  expect(resumed.code).toBe(0);
  expect(json(resumed.out)[0]).toMatchObject({
    kind: "start",
    resumedFrom: expect.stringMatching(/step_000000[12]\d/),
  });
  for (const file of ["model.safetensors", "checkpoints/step_00000050.safetensors"]) {
    const weights = (run: string) => parseSafetensors(new Uint8Array(readFileSync(at(`${run}/${file}`))), file).tensors;
    expect(weights("killed")).toEqual(weights("whole"));
  }
  expect(steps("killed").at(-1)).toEqual(steps("whole").at(-1));
  // Two event files, of which the second takes back what the first has of steps that were done again.
  const [first, second, ...more] = boardOf("killed");
  expect(more).toEqual([]);
  expect(second![1]).toMatchObject({ session_log: { status: 1 } });
  const restart = Number(second![1]!.step);
  const kept = scalars([first!], "loss/train").filter(([step]) => step < restart);
  const seen = [...kept, ...scalars([second!], "loss/train")];
  expect(seen.map(([step]) => step)).toEqual(steps("killed").map(([step]) => step));
  expect(readFileSync(at("killed/README.md"), "utf8")).toContain(`espalier train --resume ${at("killed")} --json\n`);
});

test("an interrupt saves and prints how to resume", async () => {
  const stopped = await espalier(
    train("stopped").filter((f) => f !== "--json"),
    {
      // Before its first step a run leaves nothing to resume.
      kill: (_, err) => (err.includes("train 1/50") ? "SIGINT" : null),
    },
  );
  expect(stopped.code).toBe(130);
  expect(ownLines(stopped.err).at(-1)).toMatch(
    /stopped at step \d+ of 50; resume with: npm run -s espalier -- train --resume .*stopped/,
  );
  expect(readdirSync(at("stopped/checkpoints"))).not.toHaveLength(0);
  const resumed = await espalier(["train", "--resume", at("stopped"), "--json"]);
  expect(json(resumed.out).at(-1)).toMatchObject({ kind: "result", steps: 50 });
});

test("a NaN loss stops the run, names step and op, and keeps the last checkpoint", async () => {
  const bad = await espalier(train("bad", "--lr", "1e25", "--lr-schedule", "constant", "--schedule", "none"));
  expect(bad.code).toBe(1);
  expect(ownLines(bad.err)).toHaveLength(1);
  expect(ownLines(bad.err)[0]).toMatch(/^espalier: the loss of step \d+ is not finite: .*(op|gradient)/);
  expect(existsSync(at("bad/model.safetensors"))).toBe(false);
});

test("without an adapter, one error says what was tried and what to run", async () => {
  const env = {
    VK_DRIVER_FILES: "/nonexistent.json",
    VK_ICD_FILENAMES: "/nonexistent.json",
    XDG_CACHE_HOME: at("empty-cache"),
  };
  const result = await espalier(train("none"), { env });
  expect(result.code).toBe(1);
  expect(result.err).toMatch(/espalier: no .*adapter/i);
  expect(result.err).toMatch(/setup/);
});
