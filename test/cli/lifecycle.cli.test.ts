// Events during a run: signals, corrupt files, deleted folders, and the same command run again.
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ownLines } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-lifecycle-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (...names: string[]) => join(scratch, ...names);
let data = "";

/** Three epochs of four steps, a checkpoint at each step. */
const train = (out: string, ...more: string[]) => [
  ...["train", "--data", "idx", "--data-dir", data, "--epochs", "3", "--batch-size", "16", "--log-every", "1"],
  ...["--checkpoint-every", "1", "--seed", "3", "--json", "--out", at(out), ...more],
];
/** Runs the command; `act` is called once, when its output first holds the text. */
async function run(args: readonly string[], when = "", act: () => void = () => {}) {
  let done = when === "";
  const result = await espalierHere(args, {
    interrupt: (out) => {
      if (!done && out.includes(when)) {
        done = true;
        act();
      }
      return false;
    },
  });
  const rows = result.out
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...result, rows, said: ownLines(result.err).join("\n") };
}
const model = (name: string) => readFileSync(at(name, "model.safetensors"));
const steps = (name: string) =>
  readFileSync(at(name, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((row) => row["kind"] === "step")
    .map((row) => [row["step"], row["loss"]]);
const checkpoint = (name: string, step: number) =>
  at(name, "checkpoints", `step_${String(step).padStart(8, "0")}.safetensors`);

beforeAll(async () => {
  data = squaresFolder(at("data"), 64, 16);
  expect((await run(train("whole"))).code).toBe(0);
});

describe("the same command with --resume auto", () => {
  test("starts, resumes after each signal, and says when the run is finished", async () => {
    const again = train("requeued", "--resume", "auto");
    const first = await run(again, '"step":3,', () => process.emit("SIGTERM"));
    expect(first.said).toMatch(/stopped at step \d+ of 12; resume with: npm run -s espalier -- train --resume/);
    expect(first.code).toBe(143);
    expect(existsSync(at("requeued", "espalier.lock"))).toBe(false);
    const second = await run(again, '"step":7,', () => process.emit("SIGHUP"));
    expect(second.code).toBe(129);
    expect((await run(again)).code).toBe(0);
    expect(model("requeued")).toEqual(model("whole"));
    expect(steps("requeued")).toEqual(steps("whole"));
    const over = await run(again);
    expect(over.rows).toEqual([expect.objectContaining({ kind: "finished", step: 12 })]);
    expect(over.code).toBe(0);
  });

  test("restarts a run killed before its first checkpoint; the advice works", async () => {
    const folder = at("early");
    mkdirSync(folder);
    writeFileSync(join(folder, "config.yaml"), readFileSync(at("whole", "config.yaml")));
    writeFileSync(join(folder, "run.json.tmp.999999999.0"), "half");
    const plain = await run(train("early"));
    expect(plain.said).toMatch(
      /ended before its first checkpoint\. Use --resume .*early to restart it from its config\.yaml, or --overwrite/,
    );
    expect(plain.code).toBe(2);
    for (const how of [
      [...train("early"), "--resume", "auto"],
      ["train", "--resume", folder, "--json"],
    ]) {
      cpSync(folder, at("copy"), { recursive: true });
      const words = how.map((word) => (word === folder ? at("copy") : word));
      expect((await run(words)).code).toBe(0);
      expect(model("copy")).toEqual(model("whole"));
      expect(readdirSync(at("copy")).filter((name) => /tmp|lock/.test(name))).toEqual([]);
      rmSync(at("copy"), { recursive: true });
    }
  });
});

test.each(["SIGUSR1", "SIGUSR2"] as const)("%s saves, and the run continues to the same bits", async (signal) => {
  const flags = ["--checkpoint-every", "5"];
  const asked = train("asked", "--overwrite").join(" ").replace("--checkpoint-every 1", flags.join(" ")).split(" ");
  const { code, rows } = await run(asked, '"step":2,', () => process.emit(signal));
  expect(code).toBe(0);
  const saved = rows.filter((row) => row["kind"] === "checkpoint").map((row) => row["step"] as number);
  expect(saved.some((step) => step % 4 !== 0 && step % 5 !== 0)).toBe(true);
  expect(model("asked")).toEqual(model("whole"));
});

describe("a corrupt run", () => {
  const copy = (name: string) => {
    cpSync(at("whole"), at(name), { recursive: true });
    for (const file of ["result.json", "model.safetensors"]) rmSync(at(name, file));
    return name;
  };
  const flip = (path: string) => {
    const bytes = readFileSync(path);
    bytes[bytes.length - 100] = bytes[bytes.length - 100]! ^ 4;
    writeFileSync(path, bytes);
  };

  test.each<[string, (path: string) => void]>([
    ["a bit flipped", flip],
    ["empty", (path) => truncateSync(path, 0)],
  ])("latest checkpoint %s: it is named, and the newest whole one is taken", async (_, damage) => {
    const name = copy("damaged");
    damage(checkpoint(name, 12));
    const { code, rows } = await run(["train", "--resume", at(name), "--json"]);
    expect(rows[0]).toMatchObject({
      kind: "note",
      problem: expect.stringMatching(/skipped a corrupt checkpoint: .*damaged\/checkpoints\/step_00000012/),
    });
    expect(rows[1]).toMatchObject({ kind: "start", resumedFrom: "checkpoints/step_00000011.safetensors" });
    expect(code).toBe(0);
    expect(model(name)).toEqual(model("whole"));
    rmSync(at(name), { recursive: true });
  });

  test("with corrupt checkpoints only is refused, and lists each", async () => {
    const name = copy("hopeless");
    for (const file of readdirSync(at(name, "checkpoints"))) flip(at(name, "checkpoints", file));
    const before = readFileSync(at(name, "metrics.jsonl"));
    const { code, err } = await run(["train", "--resume", at(name)]);
    expect(err).toMatch(
      /all checkpoints are corrupt; --overwrite starts a new run\n.*step_00000012.*\n.*step_00000011.*\n.*best/,
    );
    expect(code).not.toBe(0);
    expect(readFileSync(at(name, "metrics.jsonl"))).toEqual(before);
  });

  test("loses only the corrupt lines of metrics.jsonl", async () => {
    const name = copy("torn");
    const lines = readFileSync(at(name, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    const torn = [...lines];
    for (const [i, text] of [
      [2, "null"],
      [3, '{"kind":"step","step"'],
      [5, "[1]"],
    ] as const)
      torn[i] = text;
    writeFileSync(at(name, "metrics.jsonl"), `${torn.join("\n")}\n{"kind":"st`);
    rmSync(checkpoint(name, 12));
    const { code, rows } = await run(["train", "--resume", at(name), "--json"]);
    expect(rows[0]).toMatchObject({
      problem: expect.stringMatching(/metrics\.jsonl: lines 3, 4, 6 are corrupt and left out; \d+ rows kept/),
    });
    expect(code).toBe(0);
    const lost = [2, 3, 5].map((i) => JSON.parse(lines[i]!) as { kind: string; step: number });
    const expected = steps("whole").filter(([step]) => !lost.some((row) => row.kind === "step" && row.step === step));
    expect(steps(name)).toEqual(expected);
  });
});

describe("while it runs", () => {
  test("its folder is deleted: the run ends with one line and does not create it again", async () => {
    const { code, said } = await run(train("gone"), '"step":2,', () => rmSync(at("gone"), { recursive: true }));
    expect(said).toMatch(/gone: the folder was removed while it was in use$/);
    expect(code).toBe(1);
    expect(existsSync(at("gone"))).toBe(false);
  });

  test("metrics cannot be written: it stops with a checkpoint, from which it resumes", async () => {
    const { code, said } = await run(train("full"), '"step":2,', () => {
      rmSync(at("full", "metrics.jsonl"));
      mkdirSync(at("full", "metrics.jsonl"));
    });
    expect(said).toMatch(/cannot append to .*metrics\.jsonl: it is a folder/);
    expect(code).toBe(1);
    expect(readdirSync(at("full", "checkpoints")).length).toBeGreaterThan(0);
    rmSync(at("full", "metrics.jsonl"), { recursive: true });
    expect((await run(["train", "--resume", at("full"), "--json"])).code).toBe(0);
    expect(model("full")).toEqual(model("whole"));
  });

  test("another run is refused its folder", async () => {
    let other: Promise<{ code: number | null; said: string }> | null = null;
    const { FolderLock } = await import("../../src/node_internal.ts");
    {
      using _lock = await FolderLock.take(at("whole"), { command: "espalier train elsewhere" });
      for (const words of [
        ["--resume", at("whole")],
        ["--overwrite", "--out", at("whole")],
      ]) {
        other = run(["train", ...words]);
        const { code, said } = await other;
        expect(said).toMatch(/whole: is in use by process \d+ on .*: espalier train elsewhere/);
        expect(code).toBe(1);
      }
    }
  });
});

describe("an error before the first step leaves no folder", () => {
  test.each<[string, string[]]>([
    ["data that are not there", ["--data-dir", "/nowhere/at/all"]],
    ["weights that are not there", ["--weights", "/nowhere/w.safetensors"]],
  ])("%s", async (_, more) => {
    const flags = train("never").filter(
      (word, i, all) => !(more[0] === "--data-dir" && (word === "--data-dir" || all[i - 1] === "--data-dir")),
    );
    expect((await run([...flags, ...more])).code).not.toBe(0);
    expect(existsSync(at("never"))).toBe(false);
  });
});

test("a closed pipe ends the output, not the training", async () => {
  const command = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "src/cli/main.ts", ...train("piped")];
  const child = spawn(process.execPath, command, { cwd: resolve(import.meta.dirname, "../..") });
  let err = "";
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const code = await new Promise((end) => child.once("close", end));
  expect(ownLines(err)).toEqual([]);
  expect(code).toBe(0);
  expect(model("piped")).toEqual(model("whole"));
});
