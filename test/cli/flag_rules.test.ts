// Flags that would do nothing: each command refuses them by name, before it opens anything.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { program } from "../../src/cli/program.ts";
import { openRun, settleAuto, type TrainFlags } from "../../src/cli/train_recipe.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { flagNames, settingsFrom, spelling } from "../../src/recipe/flags.ts";
import { recipeToYaml, resolveRecipe } from "../../src/recipe/recipe.ts";
import { ownLines } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";

const dir = mkdtempSync(join(tmpdir(), "flags-"));
const at = (name: string) => join(dir, name);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

beforeAll(() => {
  const weight = { dtype: "F32" as const, shape: [10, 4], data: new Float32Array(40) };
  const put = (name: string, metadata: Record<string, string>) =>
    writeFileSync(at(name), writeSafetensors(new Map([["0.weight", weight]]), metadata));
  put("mnist.safetensors", { model: "lenet-bn", data: "mnist" });
  put("events.safetensors", { model: "spiking-cnn", data: "events" });
  put("anonymous.safetensors", {});
  writeFileSync(at("config.yaml"), recipeToYaml(resolveRecipe({})));
  writeFileSync(at("run.json"), "{}");
});

const X = "x.png";
describe("is refused by name", () => {
  test.each<[string, string]>([
    [
      "train --resume R --out elsewhere",
      "--out: the run R continues in its own folder; to start another, omit --resume",
    ],
    ["train a.yaml --resume R", "a.yaml beside --resume: the run R has its recipe in config.yaml"],
    ["train --resume R --overwrite", "--overwrite: overwrites a run, --resume continues it; give one of the two"],
    ["train --resume auto --overwrite", "--overwrite: overwrites a run, --resume continues it"],
    ["train --resume R --weights w.pth", "--weights: the run R has weights already"],
    ["train --resume R --new-head", "--new-head: the run R has weights already"],
    ["train --lr 0.1 --lr 0.2", "--lr: expected once, got it twice"],
    ["train --epochs 1 --seed 3 --epochs=2", "--epochs: expected once, got it twice"],
    ["train --flip --no-flip", "--flip, --no-flip: give one of the two"],
    ["train --size 32 --frame-size 32", "--size, --frame-size: expected one of the two"],
    ["train --resume=", "--resume: expected a value, got an empty one"],
    ["train --weights=", "--weights: expected a value, got an empty one"],
    ["eval D/mnist.safetensors --data-dir=", "--data-dir: expected a value, got an empty one"],
    ["eval D/mnist.safetensors --resize 32", "--resize: is for data images, the data is mnist"],
    ["eval D/mnist.safetensors --skip-bad 1", "--skip-bad: is for data images, the data is mnist"],
    ["eval D/mnist.safetensors --limit 3", "--limit: is for event data, mnist is tested whole"],
    ["eval D/events.safetensors --data-dir x", "--data-dir: is for data in files, the data is events"],
    ["eval D/events.safetensors --size 32", "--size: is for data images, the data is events"],
    [`predict --weights D/mnist.safetensors --input ${X} -T 3`, "--time-steps: lenet-bn has no spiking neurons"],
    [
      "export D/anonymous.safetensors --format safetensors --output D/o.safetensors --size 32",
      "--size: is for a network, and ",
    ],
    ["export D/mnist.safetensors --format onnx --calibrate 3", "--calibrate: is for --int8"],
    [
      "export D/mnist.safetensors --format sparse --int8",
      "--int8: expected --format onnx or safetensors, got --format sparse",
    ],
    ["export D/mnist.safetensors --format onnx --int8 --precision f16", "--precision: is for an export without --int8"],
    [
      "export D/events.safetensors --format onnx --int8",
      "--int8: expected a network without spiking neurons, got spiking-cnn; --format nir is for those",
    ],
    ["info --no-gpu --classes 3", "--classes: is for a network; give --model"],
    ["info --no-gpu --model lenet --dense", "--dense: is for the memory of training; give --batch"],
    ["info --no-gpu --adapter llvm", "--adapter: no adapter is opened with --no-gpu"],
    [
      "pack D --out D/../packed --no-resize --size 32 --exact",
      "--exact: is about resizing, which --no-resize disables",
    ],
    [
      "eval a.pth --weights b.pth",
      "expected a run's folder or a model file, as an argument or with --weights, got a.pth and --weights b.pth",
    ],
    ["eval", "expected a run's folder or a model file, as an argument or with --weights, got none"],
    ["pack D --out D/../packed --resize 32 --no-resize", "--resize, --no-resize: give one of the two"],
  ])("espalier %s", async (words, message) => {
    const argv = words.split(" ").map((word) => word.replace(/^D\//, `${dir}/`).replace(/^D$/, dir));
    const { code, err } = await espalierHere(argv);
    const lines = ownLines(err);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`espalier: ${message}`);
    expect(code).toBe(2);
  });

  test("refuses an extra argument, and an unknown flag", async () => {
    for (const words of ["train a.yaml b.yaml", "train --learning-rate=0.1", "eval", "train --epochs=three"]) {
      expect((await espalierHere(words.split(" "))).code, words).toBe(2);
    }
  });
});

test("suggests a number for other spellings", async () => {
  for (const [value, meant] of [
    ["0,1", "0.1"],
    ["95%", "0.95"],
  ] as const) {
    const { err, code } = await espalierHere(["train", "--sparsity", value]);
    expect(err).toContain(`--sparsity: expected a number, got ${value}; did you mean ${meant}?`);
    expect(code).toBe(2);
  }
});

test("accepts a repeated switch and a repeated list", async () => {
  const { err } = await espalierHere(["info", "--no-gpu", "--json", "--json", "--dense"]);
  expect(err).toContain("--dense: is for the memory of training");
});

test("every option of train is a setting of its name, or one of the command's own", async () => {
  const own = [
    "adapter",
    "requireGpu",
    "json",
    "resume",
    "overwrite",
    "dryRun",
    "tune",
    "method",
    "restarts",
    "watchdog",
  ];
  const train = (await program(() => {}, ["train"])).commands.find((command) => command.name() === "train");
  const names = (train?.options ?? []).map((option) => option.attributeName());
  expect(names.length).toBeGreaterThan(50);
  for (const name of names) {
    const flags = { [name]: 1 };
    const settings = settingsFrom(name === "method" ? {} : (flags as never));
    const known = Object.keys(settings).length > 0;
    expect(known !== own.includes(name), name).toBe(true);
    if (!known) continue;
    // The path of the setting leads back to the flag.
    const path: string[] = [];
    for (let part: unknown = settings; typeof part === "object" && part !== null; ) {
      const [key, value] = Object.entries(part)[0] as [string, unknown];
      path.push(key);
      part = value;
    }
    expect(flagNames(flags as never)(path.join(".")), name).toBe(spelling(name));
  }
});

describe("a resumed run", () => {
  const flags = (more: Partial<TrainFlags>): TrainFlags => ({
    settings: {},
    modelNames: ["lenet-bn"],
    command: [],
    dryRun: true,
    ...more,
  });
  const notes: string[] = [];
  const recipeOf = async (more: Partial<TrainFlags>) =>
    (await openRun(settleAuto(flags(more)), (line) => notes.push(line))).recipe;

  test("accepts its own folder", async () => {
    expect(await recipeOf({ resume: dir, settings: { out: `${dir}/` } })).toMatchObject({ out: dir, epochs: 3 });
  });
  test("a recipe with --resume auto overrides its own", async () => {
    writeFileSync(at("again.yaml"), `epochs: 7\nout: ${dir}\n`);
    expect(await recipeOf({ recipe: at("again.yaml"), resume: "auto" })).toMatchObject({ out: dir, epochs: 7 });
    writeFileSync(at("idle.yaml"), `prune: {beta: 0.1}\nout: ${dir}\n`);
    await expect(recipeOf({ recipe: at("idle.yaml"), resume: "auto" })).rejects.toThrow(
      "prune.beta: expected no value",
    );
  });
  test("its recipe trains a new run unchanged", async () => {
    expect((await recipeOf({ recipe: at("config.yaml") })).epochs).toBe(3);
  });
});
