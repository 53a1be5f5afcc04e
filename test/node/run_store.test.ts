// The run directory: logs with corrupt lines, folders that cannot be made, leftovers of ended processes.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { safetensorsParts, writeSafetensors } from "../../src/io/index.ts";
import { openFileRanges } from "../../src/node/file_ranges.ts";
import { makeFolder } from "../../src/node/make_folder.ts";
import { RunDirectory } from "../../src/node/run_store.ts";
import { sweepTemporaries } from "../../src/node/sweep.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-store-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (...names: string[]) => join(scratch, ...names);

describe("a log", () => {
  const read = (text: string) => {
    writeFileSync(at("log.jsonl"), text);
    return new RunDirectory(scratch).readLog("log.jsonl");
  };
  test.each([
    ["whole", '{"a":1}\n{"a":2}\n', [1, 2], []],
    ["a line that is no JSON", '{"a":1}\n{"a"\n{"a":3}\n', [1, 3], [2]],
    ["values that are no objects", '{"a":1}\nnull\n7\n[1]\n"x"\n{"a":6}\n', [1, 6], [2, 3, 4, 5]],
    ["bytes that are no text", '{"a":1}\n\u0000\u0001\ufffd\n{"a":3}\n', [1, 3], [2]],
    ["two lines run into one", '{"a":1}{"a":2}\n{"a":3}\n', [3], [1]],
    ["a tail cut by a crash", '{"a":1}\n{"a":', [1], []],
    ["empty lines", '\n{"a":1}\n\n', [1], []],
    ["nothing", "", [], []],
  ])("%s", (_, text, values, damaged) => {
    const log = read(text);
    expect(log.rows.map((row) => row["a"])).toEqual(values);
    expect(log.damaged).toEqual(damaged);
  });
  test("that does not exist has no rows", () => {
    expect(new RunDirectory(scratch).readLog("none.jsonl")).toEqual({ rows: [], damaged: [] });
  });
});

test("reports a file without a JSON object and treats it as missing", () => {
  const directory = new RunDirectory(scratch);
  const problems: string[] = [];
  const read = () => directory.readObject("info.json", (problem) => problems.push(problem));
  expect(read()).toBeNull();
  for (const text of ["", "null", "[1]", "{", "7"]) {
    writeFileSync(at("info.json"), text);
    expect(read()).toBeNull();
  }
  expect(problems).toEqual(Array.from({ length: 5 }, () => `${at("info.json")}: corrupt: expected a JSON object`));
  writeFileSync(at("info.json"), '{"a":1}');
  expect(read()).toEqual({ a: 1 });
});

describe("a folder", () => {
  test("is made with those above it; an obstacle is named", () => {
    expect(makeFolder(at("a", "b", "c"))).toEqual([at("a"), at("a", "b"), at("a", "b", "c")]);
    expect(makeFolder(at("a", "b", "d"))).toEqual([at("a", "b", "d")]);
    expect(makeFolder(at("a"))).toEqual([]);
    writeFileSync(at("file"), "");
    expect(() => makeFolder(at("file", "x", "y"))).toThrow(
      `cannot make the folder ${at("file", "x", "y")} (its folder ${at("file", "x")}): a part of the path is not a folder`,
    );
    expect(() => makeFolder(at("file"))).toThrow(`${at("file")}: expected a folder, got something else`);
    symlinkSync(at("nowhere"), at("dangling"));
    expect(() => makeFolder(at("dangling"))).toThrow(/cannot make the folder .*dangling/);
  });
  test("is refused at once if none can be made", () => {
    if (process.platform !== "linux") return;
    const started = performance.now();
    expect(() => makeFolder("/proc/x/y/z")).toThrow(
      "cannot make the folder /proc/x/y/z (its folder /proc/x): this file system makes no folders there",
    );
    expect(() => makeFolder("/proc/1/x")).toThrow(/cannot make the folder/);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

test("removes temporary files of ended processes, not those of living ones", () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  mkdirSync(at("swept"));
  const names = [
    `a.tmp.${dead}.0`,
    `b.tmp.${process.ppid}.3`,
    `c.tmp.${process.ppid}.4`,
    `d.tmp.${process.pid}.0`,
    "e.tmp",
    "f.txt",
  ];
  for (const name of names) writeFileSync(at("swept", name), "");
  // Older than the process that has its number now.
  utimesSync(at("swept", `c.tmp.${process.ppid}.4`), 1000, 1000);
  const swept = sweepTemporaries([at("swept"), at("not there")]);
  const stays =
    process.platform === "linux" ? [`b.tmp.${process.ppid}.3`] : [`b.tmp.${process.ppid}.3`, `c.tmp.${process.ppid}.4`];
  expect(readdirSync(at("swept")).sort()).toEqual([...stays, "e.tmp", "f.txt"].sort());
  expect(swept).toHaveLength(names.length - stays.length - 2);
});

describe("files of tensors", () => {
  const tensors = new Map([
    ["w", { dtype: "F32" as const, shape: [3], data: Float32Array.of(1, 2, 3) }],
    ["n", { dtype: "U8" as const, shape: [2], data: Uint8Array.of(4, 5) }],
  ]);
  const directory = new RunDirectory(scratch);

  test("are written in parts and read tensor by tensor, like whole ones", async () => {
    await directory.writeParts("parts.safetensors", safetensorsParts(tensors, { a: "b" }));
    expect(await directory.read("parts.safetensors")).toEqual(writeSafetensors(tensors, { a: "b" }));
    const { tensors: read, metadata, checked } = await directory.readTensors("parts.safetensors");
    expect([...read]).toEqual([...tensors]);
    expect([metadata.get("a"), checked]).toEqual(["b", true]);
  });

  test("name the file that is corrupt, truncated or missing", async () => {
    const bytes = writeSafetensors(tensors);
    writeFileSync(at("flipped.safetensors"), bytes.with(bytes.length - 1, 9));
    await expect(directory.readTensors("flipped.safetensors")).rejects.toThrow(
      `${at("flipped.safetensors")}: checksum differs: expected`,
    );
    writeFileSync(at("short.safetensors"), bytes.subarray(0, bytes.length - 1));
    await expect(directory.readTensors("short.safetensors")).rejects.toThrow(`${at("short.safetensors")}: `);
    await expect(directory.readTensors("none.safetensors")).rejects.toThrow(
      `cannot read ${at("none.safetensors")}: no such file`,
    );
  });

  test("truncated during reading are an error, not an endless loop", async () => {
    writeFileSync(at("cut.bin"), new Uint8Array(100));
    const file = await openFileRanges(at("cut.bin"));
    writeFileSync(at("cut.bin"), new Uint8Array(10));
    await expect(file.read(0, 100)).rejects.toThrow(
      `cannot read ${at("cut.bin")}: expected 100 bytes, it ends at byte 10`,
    );
    await file.close();
  });
});
