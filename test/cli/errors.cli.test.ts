// Bad input, as a user meets it: one clear line, and an exit code that is not zero.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { ownLines as lines, type Result } from "../support/cli.ts";
import { espalierHere as run } from "../support/cli_here.ts";
import { idxImages, idxLabels, idxMagic } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-cli-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function expectOneLine(result: Result, pattern: RegExp, code = 1): void {
  expect(lines(result.err)).toHaveLength(1);
  expect(lines(result.err)[0]).toMatch(pattern);
  expect(lines(result.err)[0]).not.toMatch(/^\s+at /);
  expect(result.code).toBe(code);
}

const images = (n: number) => idxImages(n, Buffer.alloc(n * 784, 7));
const labels = idxLabels;

/** A data folder of ten images, with some files replaced or left out. */
function folder(name: string, change: Record<string, Buffer | null> = {}): string {
  const dir = join(scratch, name);
  mkdirSync(dir);
  const ten = [...Array(10).keys()];
  const files: Record<string, Buffer | null> = {
    "train-images-idx3-ubyte": images(10),
    "train-labels-idx1-ubyte": labels(ten),
    "t10k-images-idx3-ubyte": images(10),
    "t10k-labels-idx1-ubyte": labels(ten),
    ...change,
  };
  for (const [file, bytes] of Object.entries(files)) if (bytes) writeFileSync(join(dir, file), bytes);
  return dir;
}

const trainOn = (dir: string, ...more: string[]) =>
  run(["train", "--data", "mnist", "--data-dir", dir, "--out", join(scratch, "never"), ...more]);

describe("data files", () => {
  test.each<[string, Record<string, Buffer | null>, RegExp]>([
    ["missing", { "train-images-idx3-ubyte": null }, /train-images-idx3-ubyte/],
    [
      "refuses a truncated file",
      { "train-images-idx3-ubyte": images(10).subarray(0, 4000) },
      /train-images-idx3-ubyte.*(truncated|4000|bytes)/,
    ],
    [
      "wrong magic",
      { "t10k-labels-idx1-ubyte": Buffer.concat([idxMagic(0x0d0d0d0d, 10), Buffer.alloc(10)]) },
      /t10k-labels-idx1-ubyte.*magic/,
    ],
    [
      "gzip cut short",
      { "train-images-idx3-ubyte": gzipSync(images(10)).subarray(0, 40) },
      /train-images-idx3-ubyte.*gzip/i,
    ],
    [
      "gzip corrupt",
      { "train-labels-idx1-ubyte": Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(60, 9)]) },
      /train-labels-idx1-ubyte.*gzip/i,
    ],
    [
      "label out of range",
      { "train-labels-idx1-ubyte": labels([0, 1, 2, 3, 4, 12, 6, 7, 8, 9]) },
      /label at index 5: expected 0\.\.\d+, got 12/,
    ],
    ["counts disagree", { "train-labels-idx1-ubyte": labels([0, 1, 2]) }, /10.*3|3.*10/],
  ])("%s", async (name, change, pattern) => {
    expectOneLine(await trainOn(folder(name.replaceAll(" ", "_"), change)), pattern);
    expect(existsSync(join(scratch, "never"))).toBe(false);
  });
});

describe("recipes and flags", () => {
  const recipe = (text: string) => {
    const file = join(scratch, `recipe_${Math.abs(hash(text))}.yaml`);
    writeFileSync(file, text);
    return run(["train", file]);
  };
  const hash = (s: string) => [...s].reduce((h, c) => Math.imul(h, 31) + c.charCodeAt(0), 7);

  test("names an unknown key with its position and a suggestion", async () => {
    const result = await recipe("prune:\n  treshold: 0.1\n");
    expectOneLine(result, /recipe_.*\.yaml:2:3.*treshold.*threshold/, 2);
  });
  test("refuses a wrong type", async () => {
    expectOneLine(await recipe("epochs: three\n"), /yaml:1:9.*epochs.*an integer.*three/, 2);
  });
  test("refuses a negative threshold", async () => {
    expectOneLine(await run(["train", "--threshold", "-0.1"]), /threshold.*>= 0.*-0\.1/, 2);
  });
  test("refuses an unknown flag", async () => {
    const result = await run(["train", "--treshold", "0.1"]);
    expect(result.err).toMatch(/unknown option.*--treshold/);
    expect(result.err).toMatch(/did you mean --threshold\?/);
    expect(result.code).toBe(2);
  });
  test("help has examples", async () => {
    for (const command of ["train", "eval", "info"]) {
      const { out, code } = await run([command, "--help"]);
      expect(out).toContain("Example");
      expect(code).toBe(0);
    }
  });
});

describe("model files", () => {
  const evaluate = (name: string, bytes: Uint8Array) => {
    const file = join(scratch, `${name}.safetensors`);
    writeFileSync(file, bytes);
    return run(["eval", file, "--model", "lenet-bn", "--data", "mnist"]);
  };
  const tensor = { dtype: "F32" as const, shape: [4], data: new Float32Array(4) };
  const good = writeSafetensors(new Map([["a", tensor]]));
  const header = (text: string, size = text.length) => {
    const bytes = Buffer.alloc(8 + text.length + 16);
    bytes.writeBigUInt64LE(BigInt(size));
    bytes.write(text, 8);
    return bytes;
  };

  test("refuses a truncated file", async () =>
    expectOneLine(await evaluate("cut", good.subarray(0, good.length - 3)), /cut\.safetensors/));
  test("refuses a header larger than the file", async () =>
    expectOneLine(await evaluate("huge", header("{}", 1e12)), /huge\.safetensors.*header/));
  test("refuses overlapping ranges", async () => {
    const text = JSON.stringify({
      a: { dtype: "F32", shape: [4], data_offsets: [0, 16] },
      b: { dtype: "F32", shape: [2], data_offsets: [8, 16] },
    });
    expectOneLine(
      await evaluate("overlap", header(text)),
      /overlap\.safetensors.*"b" starts at byte 8, inside the tensor before it/,
    );
  });
  test("lists tensors of another model", async () => {
    const { err, code } = await evaluate("other", good);
    expect(err).toMatch(/other\.safetensors: does not fit the model: loadState: 0 of \d+ arrays fit/);
    expect(err).toMatch(/missing in the file: \d+\n {2}0 \(1\): weight\n/);
    expect(err).toMatch(/in the file only: 1\n {2}the module itself \(1\): a\n/);
    expect(code).toBe(2);
  });
  test("refuses a missing file", async () =>
    expectOneLine(await run(["eval", join(scratch, "nowhere")]), /nowhere: no such file/, 2));
});

describe("output directory", () => {
  test("refuses an unwritable folder", async () => {
    const blocked = join(scratch, "blocked");
    // A file where a folder is needed refuses even root.
    writeFileSync(blocked, "");
    expectOneLine(await run(["train", "--out", join(blocked, "run")]), /blocked\/run/);
  });
  test("refuses a folder that holds a run", async () => {
    const dir = join(scratch, "taken");
    mkdirSync(dir);
    writeFileSync(join(dir, "config.yaml"), "");
    mkdirSync(join(dir, "checkpoints"));
    writeFileSync(join(dir, "checkpoints", "step_00000001.safetensors"), "");
    expectOneLine(await run(["train", "--out", dir]), /--resume .*taken.*--overwrite/, 2);
  });
});
