// A run of the command in precision f16: its records, its resumption, and the refusal of another precision.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseSafetensors } from "../../src/io/index.ts";
import { espalier, ownLines } from "../support/cli.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-precision-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
const data = squaresFolder(at("data"), 400, 80);
const train = (out: string, ...more: string[]) => [
  ...["train", "--data", "idx", "--data-dir", data, "--epochs", "2", "--batch-size", "16", "--seed", "3"],
  ...["--checkpoint-every", "4", "--json", "--out", at(out), "--precision", "f16", ...more],
];
const read = (file: string) => parseSafetensors(new Uint8Array(readFileSync(at(file))), file).tensors;

test("trains in f16, keeps f32 weights and the loss scale, resumes with the same bits, and refuses f32", async () => {
  const whole = await espalier(train("whole"));
  if (whole.code !== 0) {
    // An adapter without f16 refuses the setting by name.
    expect(ownLines(whole.err).at(-1)).toMatch(/^espalier: .*precision.*shader-f16/);
    return;
  }
  const result = JSON.parse(whole.out.trim().split("\n").at(-1)!) as Record<string, number>;
  expect(result["accuracy"]).toBeGreaterThan(0.9);
  const rows = readFileSync(at("whole/metrics.jsonl"), "utf8").trim().split("\n");
  const steps = rows.map((row) => JSON.parse(row) as Record<string, unknown>).filter(({ kind }) => kind === "step");
  expect(steps.at(-1)).toMatchObject({ lossScale: expect.any(Number), skippedSteps: expect.any(Number) });
  const checkpoint = read("whole/checkpoints/step_00000050.safetensors");
  expect([...checkpoint.keys()].filter((name) => /loss_?scale/i.test(name))).not.toHaveLength(0);
  expect(new Set([...read("whole/model.safetensors").values()].map(({ dtype }) => dtype))).not.toContain("F16");

  const killed = await espalier(train("killed"), {
    kill: (out) => (out.split('"kind":"checkpoint"').length > 4 ? "SIGKILL" : null),
  });
  expect(killed.code).toBeNull();
  const refused = await espalier(["train", "--resume", at("killed"), "--precision", "f32"]);
  expect(refused.code).toBe(2);
  expect(ownLines(refused.err).at(-1)).toMatch(/precision: expected f16 as in the run, got f32/);
  expect((await espalier(["train", "--resume", at("killed"), "--json"])).code).toBe(0);
  for (const file of ["model.safetensors", "checkpoints/step_00000050.safetensors"])
    expect(read(`killed/${file}`)).toEqual(read(`whole/${file}`));
});
