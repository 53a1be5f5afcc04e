// Commands that would take more memory than there is: refused before anything is written, explained when it runs out.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { installGpu } from "../../src/node/dawn.ts";
import { espalierHere as espalier } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-oom-"));
const data = squaresFolder(join(scratch, "data"), 96, 32);
const images = ["--data", "idx", "--data-dir", data];
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
const said = (err: string) =>
  err.split("\n").filter((line) => line.startsWith("espalier: ") && !line.includes("no GPU in use"));

test("refuses a run that does not fit, suggests a batch that does, and leaves no folder", async () => {
  const out = join(scratch, "large");
  const run = ["train", ...images, "--epochs", "1", "--out", out];
  vi.stubEnv("ESPALIER_MEMORY", "5.2");
  const refused = await espalier([...run, "--batch-size", "96"]);
  expect(refused.code).toBe(1);
  const [line = ""] = said(refused.err);
  const [, fits] =
    /^espalier: a batch of 96 is predicted to take \d+\.\d MiB of GPU memory; the limit that ESPALIER_MEMORY sets leaves 5\.2 MiB\. --batch-size (\d+) fits; so does --micro-batch \d+, which keeps the batch of 96(?:; so does --precision f16)?$/.exec(
      line,
    ) ?? [];
  expect(line).toMatch(/--batch-size \d+ fits/);
  expect(existsSync(out)).toBe(false);
  expect((await espalier([...run, "--batch-size", fits!])).code).toBe(0);

  // What was trained is evaluated and asked under the same rule.
  vi.stubEnv("ESPALIER_MEMORY", "0.5");
  const tested = await espalier(["eval", out]);
  expect(tested.code).toBe(1);
  expect(said(tested.err)[0]).toMatch(
    /a batch of 32 is predicted to take .*ESPALIER_MEMORY sets leaves 0\.5 MiB\. (--batch-size \d+|Even a batch of one does not)/,
  );
});

test("a dry run says so, plans for a larger adapter, and times nothing", async () => {
  vi.stubEnv("ESPALIER_MEMORY", "1");
  const { code, out } = await espalier(["train", ...images, "--dry-run"]);
  expect(code).toBe(0);
  expect(out).toMatch(/too large for this adapter: a batch of 96 is predicted/);
  expect(out).toMatch(/step +not timed: too large for this adapter/);
});

test("a run out of memory ends with a table of the largest buffers", async () => {
  await installGpu();
  const out = join(scratch, "middle");
  let made = 0;
  const { createBuffer } = GPUDevice.prototype;
  vi.spyOn(GPUDevice.prototype, "createBuffer").mockImplementation(function (this: GPUDevice, descriptor) {
    if (++made === 25) this.dispatchEvent(outOfMemory());
    return createBuffer.call(this, descriptor);
  });
  const { code, err } = await espalier(["train", ...images, "--batch-size", "96", "--out", out]);
  expect(code).toBe(1);
  const lines = err
    .split("\n")
    .slice(err.split("\n").findIndex((line) => line.startsWith("espalier: out of GPU memory")));
  expect(lines[0]).toBe("espalier: out of GPU memory: the card is full");
  expect(lines[1]).toBe("in use, largest first:");
  expect(lines[2]).toMatch(/^ +\d+\.\d MiB {2}\w+.* of \d+ parameters, \[\d+\] f32$/);
  expect(lines).toContainEqual(expect.stringMatching(/^ +\d+\.\d MiB {2}optimiser state: momentum$/));
  expect(lines).toContainEqual(expect.stringMatching(/^ +\d+\.\d MiB {2}total$/));
  expect(lines.filter((line) => line !== "").at(-1)).toMatch(
    /^(--batch-size \d+ fits|Even a batch of one does not fit)/,
  );
});

/** The event of an out-of-memory error outside an error scope. */
function outOfMemory(): Event {
  const event = new Event("uncapturederror", { cancelable: true });
  return Object.defineProperty(event, "error", { value: new GPUOutOfMemoryError("the card is full") });
}
