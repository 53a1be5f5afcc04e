// Compares a resumed run with an uninterrupted one, and tests which settings a resume may change.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ownLines } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";
import { readEvents } from "../support/event_file_reader.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-resume-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (...names: string[]) => join(scratch, ...names);
const read = (...names: string[]) => readFileSync(at(...names), "utf8");
const json = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Four steps an epoch, a checkpoint at each, records within and at the ends of epochs. */
const RECIPE = (out: string, more = "") => `
model: { name: lenet-bn }
data: { name: idx, dir: ${at("data")} }
epochs: 2
batchSize: 16
seed: 3
logEvery: 3
checkpoint: { every: 1, per: step, keep: 1000 }
out: ${at(out)}
${more}`;

async function train(out: string, more = "", ...flags: string[]) {
  writeFileSync(at(`${out}.yaml`), RECIPE(out, more));
  return espalierHere(["train", at(`${out}.yaml`), "--json", ...flags]);
}

/** Rows of metrics without what time decides. */
const rows = (run: string) => json(read(run, "metrics.jsonl")).map(({ seconds: _s, elapsed: _e, ...row }) => row);

const modelOf = (run: string) => readFileSync(at(run, "model.safetensors")).toString("base64");

/** Read the TensorBoard points of a run: tag, step, value; of times only that there is one. */
function points(run: string): string[] {
  const files = readdirSync(at(run, "tensorboard")).sort();
  const events = files.flatMap(
    (name) =>
      readEvents(readFileSync(at(run, "tensorboard", name))) as unknown as {
        step?: string;
        summary?: { value?: { tag: string; simple_value?: number; histo?: object; image?: object }[] };
      }[],
  );
  return events.flatMap(({ step = "0", summary }) =>
    (summary?.value ?? []).map(({ tag, simple_value, histo }) => {
      const timed = tag.startsWith("speed/") || tag.startsWith("seconds");
      const value = timed ? "time" : (simple_value ?? (histo ? JSON.stringify(histo) : "picture"));
      return `${tag} ${step} ${value}`;
    }),
  );
}

/** Everything of a result but times, the folder, and the memory that this process had in use. */
function resultOf(run: string): Record<string, unknown> {
  const { seconds: _s, out: _o, peakBytes: _p, ...rest } = JSON.parse(read(run, "result.json"));
  return rest as Record<string, unknown>;
}

/** Hashes of all files of a folder. */
function files(run: string): Record<string, string> {
  const names = readdirSync(at(run), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, createHash("sha256").update(readFileSync(path)).digest("hex")];
    }),
  );
}

/** A run as a kill would have left it that came long after the checkpoint of a step: later rows, events and points are there. */
function killedAt(step: number, whole: string, copy: string): void {
  cpSync(at(whole), at(copy), { recursive: true });
  for (const name of readdirSync(at(copy, "checkpoints"))) {
    if (Number(/^step_(\d+)/.exec(name)?.[1] ?? 0) > step) rmSync(at(copy, "checkpoints", name));
  }
  for (const name of readdirSync(at(copy))) {
    if (/^(result|model|plot|README)/.test(name)) rmSync(at(copy, name));
  }
}

beforeAll(async () => {
  squaresFolder(at("data"), 60, 40);
  squaresFolder(at("other"), 60, 40);
  // The same counts and shapes, another image.
  const images = readFileSync(at("other", "train-images-idx3-ubyte"));
  images.writeUInt8((images.readUInt8(16) + 1) % 256, 16);
  writeFileSync(at("other", "train-images-idx3-ubyte"), images);
  const { code, err } = await train("whole", "finetuneEpochs: 1\ntrail: all\nprune: { threshold: 0.05 }");
  expect(ownLines(err)).toEqual([]);
  expect(code).toBe(0);
});

describe("a run killed after a checkpoint and resumed has the files of an uninterrupted run", () => {
  test.each([1, 4, 6, 12])("step %i", async (step) => {
    const run = `killed_${step}`;
    killedAt(step, "whole", run);
    const { code, out, err } = await espalierHere(["train", "--resume", at(run), "--json"]);
    expect(ownLines(err)).toEqual([]);
    expect(code).toBe(0);
    expect(json(out)[0]).toMatchObject({ kind: "start", resumedFrom: expect.stringContaining(`${step}.safetensors`) });
    expect(rows(run)).toEqual(rows("whole"));
    expect(modelOf(run)).toBe(modelOf("whole"));
    expect(points(run)).toEqual(points("whole"));
    expect(resultOf(run)).toEqual(resultOf("whole"));
    expect(read(run, "plot.svg")).toBe(read("whole", "plot.svg"));
    expect(read(run, "trail", "trail.jsonl")).toBe(read("whole", "trail", "trail.jsonl"));
    expect(resultOf(run)).toHaveProperty("beforeFinetune");
    const times = json(read(run, "metrics.jsonl")).flatMap((r) =>
      typeof r["elapsed"] === "number" ? [r["elapsed"]] : [],
    );
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
});

test("a row lost after a checkpoint is written again; only corrupt rows are lost", async () => {
  killedAt(6, "whole", "lost");
  const lines = read("lost", "metrics.jsonl").split("\n");
  const kept = lines.filter((line) => !/"kind":"checkpoint","step":6\b/.test(line));
  writeFileSync(at("lost", "metrics.jsonl"), kept.join("\n"));
  expect((await espalierHere(["train", "--resume", at("lost"), "--json"])).code).toBe(0);
  expect(rows("lost")).toEqual(rows("whole"));
});

test("a signal leaves no row", async () => {
  writeFileSync(
    at("stopped.yaml"),
    RECIPE("stopped", "finetuneEpochs: 1\nprune: { threshold: 0.05 }").replace("every: 1", "every: 5"),
  );
  const whole = await espalierHere(["train", at("stopped.yaml"), "--json", "--out", at("unstopped")]);
  expect(whole.code).toBe(0);
  const { code } = await espalierHere(["train", at("stopped.yaml"), "--json"], {
    interrupt: (out) => out.includes('"kind":"step","step":3'),
  });
  expect(code).toBe(130);
  expect(json(read("stopped", "metrics.jsonl")).at(-1)).toMatchObject({ kind: "checkpoint", stopped: true });
  expect((await espalierHere(["train", "--resume", at("stopped"), "--json"])).code).toBe(0);
  expect(rows("stopped")).toEqual(rows("unstopped"));
  expect(modelOf("stopped")).toBe(modelOf("unstopped"));
});

describe("settings that a resumed run cannot change are refused by name, and nothing is written", () => {
  test.each([
    ["--seed 9", "seed: expected 3 as in the run, got 9"],
    [
      "--lr 0.2 --batch-size 8",
      "batchSize: expected 16 as in the run, got 8; lr.base: expected 0.1 as in the run, got 0.2",
    ],
    ["--model lenet", "model.name: expected lenet-bn as in the run, got lenet"],
    ["--threshold 0.2", "prune.threshold: expected 0.05 as in the run, got 0.2"],
    ["--limit 3", "data.limit: expected none as in the run, got 3"],
    ["--epochs 1 --finetune 1", "expected together at least 3, since 12 steps are done, got 2"],
    [
      "--epochs 3",
      "epochs: expected 2 as in the run, got 3: the threshold at step 0 was 0.01111 and would have been 0.007692 (prune.schedule lats depends on the length of the run)",
    ],
    ["--data-dir OTHER", "other data: the training part has 60 samples as before, but others, or in another order"],
  ])("%s", async (flags, message) => {
    const before = files("whole");
    const given = flags.replace("OTHER", at("other")).split(" ");
    const { code, err, out } = await espalierHere(["train", "--resume", at("whole"), ...given]);
    expect(ownLines(err)).toHaveLength(1);
    expect(err).toContain(`espalier: ${at("whole")}: cannot resume with other settings: `);
    expect(err).toContain(message);
    expect(err).toContain(
      `npm run -s espalier -- train ${at("whole")}/config.yaml --weights ${at("whole")}/model.safetensors --out FOLDER`,
    );
    expect(code).toBe(2);
    expect(out).not.toContain("resuming");
    expect(files("whole")).toEqual(before);
  });

  test("the advice names no model if there is none yet", async () => {
    killedAt(6, "whole", "bare");
    const { err } = await espalierHere(["train", "--resume", at("bare"), "--seed", "9"]);
    expect(err).toMatch(
      /For a new run, pass the other settings to: npm run -s espalier -- train \S+\/config\.yaml --out FOLDER$/m,
    );
  });

  test("a configuration edited by hand counts as a change", async () => {
    killedAt(6, "whole", "edited");
    writeFileSync(at("edited", "config.yaml"), read("edited", "config.yaml").replace("seed: 3", "seed: 4"));
    const { err, code } = await espalierHere(["train", "--resume", at("edited")]);
    expect(err).toContain("seed: expected 3 as in the run, got 4");
    expect(code).toBe(2);
  });
});

test("leaves a finished run unchanged", async () => {
  const before = files("whole");
  const { code, out, err } = await espalierHere(["train", "--resume", at("whole")]);
  expect(ownLines(err)).toEqual([]);
  expect(out).toMatch(
    /whole: already finished: 3 epochs, 12 steps, test accuracy [\d.]+ %; nothing to do, its files are unchanged\n$/,
  );
  expect(code).toBe(0);
  // Also with a harmless change.
  expect((await espalierHere(["train", "--resume", at("whole"), "--log-every", "2"])).code).toBe(0);
  expect(files("whole")).toEqual(before);
});

describe("more epochs of a schedule that is defined for them", () => {
  const constant = (epochs: number) =>
    `lr: { schedule: constant, base: 0.05 }\nprune: { threshold: 0.05, window: 1 }\nepochs: ${epochs}`;
  const recipe = (out: string, epochs: number) => RECIPE(out).replace("epochs: 2", constant(epochs));

  test("the run equals the longer one, and its files say so", async () => {
    writeFileSync(at("longer.yaml"), recipe("longer", 3));
    expect((await espalierHere(["train", at("longer.yaml"), "--json"])).code).toBe(0);
    writeFileSync(at("grown.yaml"), recipe("grown", 2));
    expect((await espalierHere(["train", at("grown.yaml"), "--json"])).code).toBe(0);
    const command = ["train", "--resume", at("grown"), "--epochs", "3", "--log-every", "3"];
    const { out, code } = await espalierHere(command);
    expect(code).toBe(0);
    expect(out).toContain("from step 8 on: epochs: 2 -> 3");
    expect(out).toContain("step 8 of 12");

    expect(modelOf("grown")).toBe(modelOf("longer"));
    expect(rows("grown")).toEqual(rows("longer"));
    expect(points("grown")).toEqual(points("longer"));
    expect(read("grown", "config.yaml")).toMatch(/^# from step 8 on: epochs: 2 -> 3\n[\s\S]*^epochs: 3 /m);
    const info = JSON.parse(read("grown", "run.json"));
    expect(info).toMatchObject({
      config: { epochs: 3 },
      history: [{ step: 8, command: `espalier ${command.join(" ")}`, changed: { epochs: { was: 2, now: 3 } } }],
    });
    expect(resultOf("grown")).toMatchObject({ steps: 12, changes: ["from step 8 on: epochs: 2 -> 3"] });
    expect(read("grown", "README.md")).toContain("- `from step 8 on: epochs: 2 -> 3`");
    expect(read("grown", "README.md")).toContain("- Epochs: 3\n");
    // config.yaml is the run that it became.
    expect((await espalierHere(["train", at("grown", "config.yaml"), "--out", at("again"), "--json"])).code).toBe(0);
    expect(modelOf("again")).toBe(modelOf("grown"));
    expect((await espalierHere(["train", "--resume", at("grown"), "--epochs", "2"])).err).toContain(
      "epochs: expected at least 3, since 12 steps are done, got 2",
    );
  });

  test("removes the result of the shorter run at the start of the longer one", async () => {
    writeFileSync(at("halfway.yaml"), recipe("halfway", 2));
    expect((await espalierHere(["train", at("halfway.yaml"), "--json"])).code).toBe(0);
    const { code } = await espalierHere(["train", "--resume", at("halfway"), "--epochs", "3", "--json"], {
      interrupt: (out) => out.includes('"kind":"start"'),
    });
    expect(code).toBe(130);
    expect(existsSync(at("halfway", "result.json"))).toBe(false);
    expect(existsSync(at("halfway", "README.md"))).toBe(false);
  });
});

test("reports and records another adapter at the resume", async () => {
  killedAt(9, "whole", "moved");
  const info = JSON.parse(read("moved", "run.json"));
  writeFileSync(at("moved", "run.json"), JSON.stringify({ ...info, adapter: "A card of before" }));
  const { out, code } = await espalierHere(["train", "--resume", at("moved")]);
  expect(code).toBe(0);
  expect(out).toMatch(/from step 9 on: adapter .+, before A card of before: numbers may differ in their last bits/);
  const { history } = JSON.parse(read("moved", "run.json"));
  expect(history).toEqual([expect.objectContaining({ step: 9, adapter: expect.any(String) })]);
  expect(read("moved", "README.md")).toMatch(/- `+from step 9 on: adapter /);
});
