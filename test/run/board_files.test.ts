// Event files are truncated to their lengths at a checkpoint; files of other programs stay.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { RunDirectory } from "../../src/node_internal.ts";
import { boardStateSchema, cutEventFiles } from "../../src/run/board_files.ts";

const root = mkdtempSync(join(tmpdir(), "espalier-board-"));
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("removes later bytes and files; keeps shorter files and those of other programs", async () => {
  const name = (n: string) => `events.out.tfevents.${n}.espalier`;
  const files: Record<string, string> = {
    [name("100")]: "kept and what came after",
    [name("200")]: "short",
    [name("300")]: "begun later",
    [`${name("300")}-2`]: "begun later",
    "events.out.tfevents.300.host": "of another program",
    "notes.txt": "mine",
  };
  mkdirSync(join(root, "tensorboard"), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, "tensorboard", file), text);
  await cutEventFiles(new RunDirectory(root), "tensorboard", { [name("100")]: 4, [name("200")]: 50 });
  const left = readdirSync(join(root, "tensorboard")).sort();
  expect(Object.fromEntries(left.map((file) => [file, readFileSync(join(root, "tensorboard", file), "utf8")]))).toEqual(
    {
      [name("100")]: "kept",
      [name("200")]: "short",
      "events.out.tfevents.300.host": "of another program",
      "notes.txt": "mine",
    },
  );
});

test("accepts a missing folder", async () => {
  await expect(cutEventFiles(new RunDirectory(root), "tensorboard", {})).resolves.toBeUndefined();
});

test("refuses an invalid state", () => {
  expect(boardStateSchema.safeParse({ files: { a: 1 }, mark: null }).success).toBe(true);
  for (const bad of [null, {}, { files: { a: -1 }, mark: null }, { files: {}, mark: { step: 1 } }])
    expect(boardStateSchema.safeParse(bad).success).toBe(false);
});
