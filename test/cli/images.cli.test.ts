// Image files from the command line: a folder of JPEGs and the shards packed from it are trained on, stopped, gone on with
// and tested; a corrupt image is named; a dry run prints the plan.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openImageFolder, packShards } from "../../src/images/index.ts";
import { espalier, ownLines } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";
import { jpegFolder } from "../support/jpeg_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-images-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
/** One of its train images is no image. */
const folder = at("jpegs");
const shards = at("shards");

const json = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const train = (data: string, out: string, ...more: string[]) => [
  ...["train", "--data", "images", "--data-dir", data, "--size", "20", "--model", "resnet-8-narrow", "--epochs", "2"],
  ...["--batch-size", "8", "--log-every", "3", "--checkpoint-every", "3", "--seed", "5", "--json", "--out", at(out)],
  ...more,
];
const bytesOf = (run: string) => readFileSync(at(`${run}/model.safetensors`));
const steps = (run: string) =>
  json(readFileSync(at(`${run}/metrics.jsonl`), "utf8"))
    .filter((row) => row["kind"] === "step")
    .map((row) => [row["step"], row["loss"], row["sparsity"]]);
const checkpoints = (out: string) => out.split('"kind":"checkpoint"').length - 1;

beforeAll(async () => {
  await jpegFolder(folder, { perClass: 7, valPerClass: 2, sides: [24, 32] });
  const { train: encoded, test: held } = await openImageFolder(folder);
  await packShards(encoded, join(shards, "train"), { resize: 24, view: 20, shardBytes: 40_000 });
  await packShards(held, join(shards, "test"), { resize: 24, view: 20 });
  await encoded.close();
  await held.close();
  writeFileSync(join(folder, "train/checks/0003.jpg"), "this is no image");
});

test("shards: kill -9 during an epoch, then --resume, gives the bytes of an uninterrupted run", async () => {
  const whole = await espalierHere(train(shards, "whole", "--micro-batch", "4"));
  expect(ownLines(whole.err)).toEqual([]);
  expect(json(whole.out).at(-1)).toMatchObject({ kind: "result", steps: 18, damagedImages: [] });
  const killed = await espalier(train(shards, "killed", "--micro-batch", "4"), {
    // Steps 3, 6, 9 and then 12, in the middle of the second epoch.
    kill: (out) => (checkpoints(out) >= 4 ? "SIGKILL" : null),
  });
  expect(killed.code).toBeNull();
  expect(existsSync(at("killed/model.safetensors"))).toBe(false);
  const resumed = await espalierHere(["train", "--resume", at("killed"), "--json"]);
  expect(json(resumed.out)[0]).toMatchObject({
    kind: "start",
    resumedFrom: expect.stringMatching(/step_000000(12|15)/),
  });
  expect(bytesOf("killed").equals(bytesOf("whole"))).toBe(true);
  expect(steps("killed")).toEqual(steps("whole"));
});

describe("a folder of JPEGs with a corrupt one", () => {
  test("stops the run with one line that names it, and how to skip it", async () => {
    const { code, err } = await espalierHere(train(folder, "refused"));
    expect(code).toBe(1);
    expect(ownLines(err)).toEqual([
      expect.stringMatching(/^espalier: \S+jpegs: train\/checks\/0003\.jpg: .*; --skip-bad 10 skips up to ten/),
    ]);
    expect(existsSync(at("refused/model.safetensors"))).toBe(false);
  });

  test("is skipped with --skip-bad; a resumed run has the same bytes; eval agrees", async () => {
    const whole = await espalierHere(train(folder, "skipped", "--skip-bad", "1"));
    const rows = json(whole.out);
    expect(rows.filter((row) => row["kind"] === "damaged")).toEqual([
      { kind: "damaged", source: folder, image: "train/checks/0003.jpg", fault: expect.any(String), count: 1 },
    ]);
    const result = rows.at(-1) as { accuracy: number; damagedImages: string[] };
    expect(result.damagedImages).toEqual([expect.stringMatching(/^train\/checks\/0003\.jpg: /)]);
    expect(JSON.parse(readFileSync(at("skipped/result.json"), "utf8"))).toMatchObject({
      damagedImages: result.damagedImages,
    });

    const stopped = await espalierHere(train(folder, "stopped", "--skip-bad", "1"), {
      interrupt: (out) => checkpoints(out) >= 4,
    });
    expect(stopped.code).toBe(130);
    expect(ownLines(stopped.err).at(-1)).toMatch(/^stopped at step 1\d of 18; resume with/);
    const resumed = await espalierHere(["train", "--resume", at("stopped"), "--json"]);
    expect(resumed.code).toBe(0);
    expect(bytesOf("stopped").equals(bytesOf("skipped"))).toBe(true);

    // The folder, the size and the batches are the run's own.
    const tested = await espalierHere(["eval", at("skipped"), "--json"]);
    expect(json(tested.out).at(-1)).toMatchObject({ accuracy: result.accuracy, samples: 20, damagedImages: [] });
  });
});

test("padded crops: the same bytes from memory, from files and resumed; eval agrees", async () => {
  const args = (out: string) => train(folder, out, "--skip-bad", "1", "--crop", "3");
  const held = await espalierHere(args("padded").filter((flag) => flag !== "--json"));
  expect(held.out).toContain("images stay in memory once they are decoded: 0.1 MiB to train, 0.0 MiB to test");
  const read = await espalierHere([...args("unheld"), "--data-memory", "0"], {
    interrupt: (out) => checkpoints(out) >= 4,
  });
  expect(read.code).toBe(130);
  expect((await espalierHere(["train", "--resume", at("unheld"), "--json"])).code).toBe(0);
  expect(bytesOf("unheld").equals(bytesOf("padded"))).toBe(true);
  const result = JSON.parse(readFileSync(at("padded/result.json"), "utf8")) as { accuracy: number };
  const tested = await espalierHere(["eval", at("padded"), "--json"]);
  expect(json(tested.out).at(-1)).toMatchObject({ accuracy: result.accuracy, samples: 20 });
});

test("padded crops of shards: eval agrees, though the model records a resize for other layouts", async () => {
  const run = await espalierHere(train(shards, "cropped", "--crop", "2"));
  expect(run.code, run.err).toBe(0);
  const tested = await espalierHere(["eval", at("cropped"), "--json"]);
  expect(tested.code, tested.err).toBe(0);
  expect(json(tested.out).at(-1)!["accuracy"]).toBe(json(run.out).at(-1)!["accuracy"]);
});

describe("--dry-run", () => {
  test("prints the plan, and writes nothing", async () => {
    const args = train(
      shards,
      "planned",
      "--dry-run",
      "--micro-batch",
      "4",
      "--lr-schedule",
      "cosine",
      "--warmup",
      "1",
    );
    const { code, out, err } = await espalierHere(args.filter((flag) => flag !== "--json"));
    expect([code, ownLines(err)]).toEqual([0, []]);
    expect(existsSync(at("planned"))).toBe(false);
    expect(out).toMatch(
      /^model {5}resnet-8-narrow, [\d,]+ parameters, [\d,]+ multiply-adds a sample\nprunable {2}[\d,]+ weights/,
    );
    expect(out).toMatch(/\ndata {6}\S+: 70 to train, 20 to test, 10 classes, \[3, 20, 20\]\n/);
    expect(out).toMatch(/\nsteps {5}18 of 8 images in 2 parts of 4: 2 epochs of 9\n/);
    expect(out).toMatch(/\nmemory {4}\d+\.\d MiB peak, predicted\n/);
    // The end of the warm-up.
    expect(out).toMatch(/\n\| +9 \| +1\.0 \| +0\.1 \| +0\.\d+ \| +\S+ \|\n/);
    expect(out).toMatch(/\nstep {6}[\d.]+ m?s, mean of \d on .*: [\d.]+ images\/s\ntime {6}about \d+ s, testing/);
  });

  test("plans with ImageNet's counts without the images", async () => {
    const recipe = at("plan.yaml");
    writeFileSync(
      recipe,
      `{model: {name: resnet-8-narrow}, data: {name: images, dir: ${at("nowhere")}, size: 16}, epochs: 90, batchSize: 256, out: ${at("none")}}`,
    );
    const { code, out } = await espalierHere(["train", recipe, "--dry-run", "--json"]);
    expect(code).toBe(0);
    const plan = json(out).at(-1) as Record<string, number> & { milestones: { step: number; lr: number }[] };
    expect(plan).toMatchObject({
      ...{ kind: "plan", dataRead: false, trainImages: 1_281_167, testImages: 50_000, classes: 1000 },
      ...{ stepsPerEpoch: 5005, steps: 90 * 5005, epochs: 90, batchSize: 256, timedBatchSize: 256 },
    });
    expect(plan.milestones[0]).toMatchObject({ step: 0, lr: 0.1, threshold: 0 });
    expect(plan.milestones.at(-1)).toMatchObject({ step: 450_449 });
    for (const key of ["parameters", "prunable", "macs", "predictedPeakBytes", "secondsPerStep"])
      expect(plan[key], key).toBeGreaterThan(0);
    expect(plan["estimatedSeconds"]).toBeGreaterThan(450_450 * plan["secondsPerStep"]!);
    expect(existsSync(at("none"))).toBe(false);
  });
});

test.each([
  [["--data-dir", "nowhere"], 1, /^espalier: nowhere: .*no such folder/],
  [[], 2, /^espalier: images: give the folder of pictures with --data-dir/],
  [
    ["--data-dir", shards, "--resize", "30"],
    2,
    /^espalier: data.resize: expected no value, since \S+shards holds shards/,
  ],
  [
    ["--data-dir", shards, "--limit", "3"],
    2,
    /^espalier: data\.limit: expected no value, since \S+shards holds shards/,
  ],
  [["--data-dir", shards, "--mean", "0,0,0"], 2, /^espalier: data\.mean: expected no value, since \S+shards holds/],
  [["--data-dir", folder, "--limit", "8"], 1, /expected 8 images of each class, got 7 of class/],
  [["--data-dir", folder, "--std", "1,0,1"], 2, /^espalier: --std: expected three numbers > 0, got 1,0,1$/],
] as const)("data images with %j is one clear line", async (more, code, message) => {
  const result = await espalierHere(["train", "--data", "images", "--out", at("never"), "--size", "20", ...more]);
  expect(result.code).toBe(code);
  expect(ownLines(result.err)).toEqual([expect.stringMatching(message)]);
  expect(existsSync(at("never"))).toBe(false);
});

test("a run with its own scale and a part of the images is tested and predicted with the same scale", async () => {
  const scale = ["--mean", "0.5,0.4,0.3", "--std", "0.2,0.3,0.4"];
  const base = train(folder, "scaled", "--limit", "3", "--skip-bad", "1", ...scale, "--recalibrate", "0");
  const { code, out } = await espalierHere(base);
  expect(code).toBe(0);
  const result = json(out).at(-1)!;
  // Three images of each of ten classes in batches of eight.
  expect(result).toMatchObject({ kind: "result", steps: 2 * 4 });
  const evaluated = await espalierHere(["eval", at("scaled"), "--json"]);
  expect(json(evaluated.out).at(-1)).toMatchObject({ accuracy: result["testAccuracy"] ?? result["accuracy"] });
  const other = await espalierHere(["eval", at("scaled"), "--mean", "0,0,0", "--std", "9,9,9", "--json"]);
  expect(json(other.out).at(-1)!["loss"]).not.toBe(json(evaluated.out).at(-1)!["loss"]);
  const again = await espalierHere(["eval", at("scaled"), ...scale, "--json"]);
  expect(json(again.out).at(-1)!["loss"]).toBe(json(evaluated.out).at(-1)!["loss"]);
  // predict reads the scale that the model records.
  const model = at("scaled/model.safetensors");
  const file = join(folder, "val", "checks", "0000.jpg");
  const predict = async (...more: string[]) =>
    json((await espalierHere(["predict", "--weights", model, "--input", file, "--json", ...more])).out)[0];
  expect(await predict(...scale)).toEqual(await predict());
  expect(await predict("--mean", "0,0,0", "--std", "9,9,9")).not.toEqual(await predict());
  const refused = await espalierHere(["eval", at("scaled"), "--data", "mnist", "--mean", "0,0,0"]);
  expect([refused.code, refused.err]).toEqual([2, expect.stringMatching(/^espalier: --mean: is for data images/)]);
});

test("info predicts less memory for micro-batches, which must divide the batch", async () => {
  const info = async (...more: string[]) =>
    espalierHere(["info", "--model", "lenet-bn", "--batch", "64", "--no-gpu", "--json", ...more]);
  const peak = async (...more: string[]) => json((await info(...more)).out).at(-1)?.["peak"] as number;
  expect(await peak("--micro-batch", "8")).toBeLessThan(await peak());
  const { code, err } = await info("--micro-batch", "7");
  expect([code, err]).toEqual([2, "espalier: --micro-batch: expected a divisor of --batch, got 7\n"]);
});
