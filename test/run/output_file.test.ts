// Output files: never an input, and never in a folder that another process uses.
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FolderLock } from "../../src/node_internal.ts";
import { expectNoInput, writeOutput } from "../../src/run/output_file.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-output-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

test("refuses an output that is an input under any name", () => {
  writeFileSync(at("x.npy"), "x");
  symlinkSync(at("x.npy"), at("link.npy"));
  linkSync(at("x.npy"), at("hard.npy"));
  mkdirSync(at("photos"));
  writeFileSync(at("photos/dog.jpg"), "dog");
  for (const output of ["x.npy", "link.npy", "hard.npy"])
    expect(() => expectNoInput("--output", at(output), [at("x.npy")])).toThrow(
      `--output ${at(output)}: expected a new file, got the input; choose another name`,
    );
  expect(() => expectNoInput("--output", at("photos/dog.jpg"), [at("photos")])).toThrow(
    /expected a new file, got a file of the input .*photos/,
  );
  expect(() => expectNoInput("--output", at("photos"), [at("x.npy")])).toThrow(/expected a file, got a folder/);
  expectNoInput("--output", at("photos/new.npy"), [at("photos")]);
  expectNoInput("--output", at("y.npy"), [at("x.npy")]);
});

test("refuses a folder in use, locks a run's folder while writing, and takes no lock elsewhere", async () => {
  mkdirSync(at("run"));
  writeFileSync(at("run/config.yaml"), "");
  {
    using _other = await FolderLock.take(at("run"), { command: "espalier train" });
    await expect(writeOutput(at("run/model.onnx"), new Uint8Array(1), "espalier export")).rejects.toThrow(
      /is in use by/,
    );
  }
  await writeOutput(at("run/model.onnx"), Uint8Array.of(7), "espalier export");
  expect([...readFileSync(at("run/model.onnx"))]).toEqual([7]);
  await writeOutput(at("free.bin"), Uint8Array.of(8), "espalier export");
  await expect(writeOutput(at("nowhere/free.bin"), Uint8Array.of(8), "espalier export")).rejects.toThrow(/free\.bin/);
});
