// A device that is lost during a run: the command resumes, and ends with the same bits.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { installGpu } from "../../src/node/dawn.ts";
import { espalierHere as espalier } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-loss-"));
const data = squaresFolder(join(scratch, "data"), 160, 32);
const settings = [
  "--data",
  "idx",
  "--data-dir",
  data,
  "--epochs",
  "2",
  "--batch-size",
  "32",
  "--checkpoint-every",
  "3",
];
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const model = (run: string) => readFileSync(join(run, "model.safetensors"));
const unbroken = join(scratch, "unbroken");
beforeAll(async () => {
  const { code } = await espalier(["train", ...settings, "--out", unbroken]);
  expect(code).toBe(0);
});

/** Destroys the device once the output holds `words`. */
function losing(words: string) {
  let gone = false;
  return {
    interrupt: (out: string) => {
      if (!gone && out.includes(words)) {
        gone = true;
        currentGpu().device.destroy();
      }
      return false;
    },
  };
}
const restartsIn = (out: string) =>
  out
    .split("\n")
    .filter((line) => line.startsWith('{"kind":"restart"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("restarts before the first checkpoint, resumes after it; the model has the same bits", async () => {
  const early = join(scratch, "early");
  const first = await espalier(["train", ...settings, "--out", early, "--json"], losing('{"kind":"start"'));
  expect(first.code).toBe(0);
  expect(restartsIn(first.out)).toMatchObject([
    { from: 0, restart: 1, of: 1, reason: expect.stringContaining("was lost (destroyed)") },
  ]);
  expect(model(early)).toEqual(model(unbroken));

  const late = join(scratch, "late");
  const second = await espalier(
    ["train", ...settings, "--out", late, "--json"],
    losing('"path":"checkpoints/step_00000006'),
  );
  expect(second.code).toBe(0);
  expect(restartsIn(second.out)).toMatchObject([{ from: 6, restart: 1 }]);
  expect(model(late)).toEqual(model(unbroken));
});

test("without restarts, prints how to resume, and resuming gives the same bits", async () => {
  const out = join(scratch, "none");
  const flags = ["train", ...settings, "--out", out, "--restarts", "0", "--json"];
  const ended = await espalier(flags, losing('"path":"checkpoints/step_00000003'));
  expect(ended.code).toBe(1);
  expect(ended.err).toMatch(
    /espalier: the GPU device was lost \(destroyed\): .*, at step \d+; saved up to step 3; resume with: npm run -s espalier -- train --resume \S+none\n$/,
  );
  expect((await espalier(["train", "--resume", out])).code).toBe(0);
  expect(model(out)).toEqual(model(unbroken));
});

test("a GPU that hangs ends the run within the watchdog's limit, and names the last checkpoint", async () => {
  await installGpu();
  const { mapAsync } = GPUBuffer.prototype;
  let hanging = false;
  vi.spyOn(GPUBuffer.prototype, "mapAsync").mockImplementation(function (this: GPUBuffer, ...args) {
    return hanging ? new Promise(() => {}) : mapAsync.apply(this, args);
  });
  const out = join(scratch, "hang");
  const ended = await espalier(["train", ...settings, "--out", out, "--watchdog", "0.5", "--json"], {
    interrupt: (words) => {
      hanging ||= words.includes('"path":"checkpoints/step_00000003');
      return false;
    },
  });
  expect(ended.code).toBe(1);
  expect(ended.err).toMatch(
    /espalier: the GPU hangs: .*last submitted: \w+.*; saved up to step 3; resume with: npm run -s espalier -- train --resume/,
  );
});

test("an adapter that refuses a device is one line, and leaves no folder", async () => {
  await installGpu();
  vi.spyOn(GPUAdapter.prototype, "requestDevice").mockRejectedValue(new DOMException("no more", "OperationError"));
  const out = join(scratch, "refused");
  const { code, err } = await espalier(["train", ...settings, "--out", out]);
  expect(code).toBe(1);
  expect(
    err.split("\n").filter((line) => line.startsWith("espalier: ") && line.includes("gave no device: no more")),
  ).toHaveLength(1);
  expect(() => readFileSync(join(out, "config.yaml"))).toThrow("ENOENT");
});
