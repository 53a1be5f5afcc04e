// The folder of a run: claimed at once, locked, restored if the run never starts, and never a mixture of two runs.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type FolderLock, LOCK_FILE } from "../../src/node_internal.ts";
import { RunFolder } from "../../src/run/folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-run-folder-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let count = 0;
const place = () => join(scratch, `t${count++}`, "runs", "mnist");
const lock = { command: "espalier train" };
const open = (wanted: string, how: "new" | "overwrite" | "resume" = "new", anyName = false) =>
  RunFolder.open({ wanted, how, anyName, lock });

function put(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}
/** Files below a folder with their text. */
const filesOf = (root: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(root.length + 1), readFileSync(path, "utf8")]),
  );
const RUN = {
  "config.yaml": "old",
  "run.json": "old",
  "metrics.jsonl": "old",
  "result.json": "old",
  "model.safetensors": "old",
  "model.csr.safetensors": "old",
  "README.md": "old",
  "checkpoints/step_00000010.safetensors": "old",
  "checkpoints/best.safetensors": "old",
  "trail/trail.jsonl": "old",
  "tensorboard/events.out.tfevents.1": "old",
  "notes.txt": "mine",
};

describe("a new run", () => {
  test("without a chosen name takes the next free one, also if many start at once", async () => {
    const wanted = place();
    const folders = await Promise.all(Array.from({ length: 6 }, () => open(wanted, "new", true)));
    const names = folders.map(({ root }) => root).sort();
    expect(names).toEqual([wanted, ...[2, 3, 4, 5, 6].map((n) => `${wanted}-${n}`)]);
    for (const folder of folders) folder[Symbol.dispose]();
    expect(names.filter(existsSync)).toEqual([]);
  });

  test("with a chosen name is refused while another run writes there, and after it", async () => {
    const wanted = place();
    const first = await open(wanted);
    await expect(open(wanted)).rejects.toThrow(/is in use by process \d+ on .*: espalier train/);
    await expect(open(wanted, "overwrite")).rejects.toThrow(/is in use by/);
    first.begin();
    await first.directory.write("config.yaml", "a");
    await expect(open(wanted, "resume")).rejects.toThrow(/is in use by/);
    await first.directory.write("checkpoints/step_00000001.safetensors", "a");
    first.hasCheckpoint();
    first[Symbol.dispose]();
    expect(readdirSync(wanted).sort()).toEqual(["checkpoints", "config.yaml"]);
    await expect(open(wanted)).rejects.toThrow(
      `${wanted}: holds a run already. Use --resume ${wanted} to continue it, or --overwrite to replace it`,
    );
    (await open(wanted, "resume"))[Symbol.dispose]();
    expect(readdirSync(wanted).sort()).toEqual(["checkpoints", "config.yaml"]);
  });

  test("that stops before its first record leaves no files, so that the command can be repeated", async () => {
    const wanted = place();
    for (let i = 0; i < 2; i++) {
      const folder = await open(wanted);
      folder.begin();
      await folder.directory.write("config.yaml", "a");
      await folder.directory.write("tensorboard/events.out.tfevents.2", "a");
      folder[Symbol.dispose]();
      expect(existsSync(wanted)).toBe(false);
    }
    mkdirSync(wanted, { recursive: true });
    (await open(wanted))[Symbol.dispose]();
    expect(readdirSync(wanted)).toEqual([]); // An empty folder of the user stays.
  });

  test("keeps its records, and the next run says how to continue or replace it", async () => {
    const wanted = place();
    const folder = await open(wanted);
    folder.begin();
    await folder.directory.write("config.yaml", "a");
    folder.hasRecords();
    folder[Symbol.dispose]();
    await expect(open(wanted)).rejects.toThrow(
      /ended before its first checkpoint\. Use --resume .* to restart it from its config\.yaml, or --overwrite/,
    );
  });

  test("is refused in a folder with other files", async () => {
    const wanted = place();
    put(wanted, { "photo.jpg": "", "notes.txt": "" });
    await expect(open(wanted)).rejects.toThrow(
      `${wanted}: expected an empty folder, got one with files of no run (notes.txt and 1 more). Choose another folder, or --overwrite`,
    );
    expect(readdirSync(wanted).sort()).toEqual(["notes.txt", "photo.jpg"]);
    const other = place();
    await expect(open(other, "resume")).rejects.toThrow(`${other}: no such folder`);
    await expect(open(wanted, "resume")).rejects.toThrow(/expected a run to resume, got a folder without config\.yaml/);
  });

  test("takes over a folder of a run that was killed before its first write", async () => {
    const wanted = place();
    put(wanted, { "config.yaml.tmp.999999999.0": "", [`${LOCK_FILE}.tmp.999999999.0`]: "" });
    const folder = await open(wanted);
    expect(readdirSync(wanted)).toEqual([LOCK_FILE]);
    folder[Symbol.dispose]();
  });
});

describe("--overwrite", () => {
  test("restores the old run if the new one never reaches a checkpoint", async () => {
    const wanted = place();
    put(wanted, RUN);
    const folder = await open(wanted, "overwrite");
    folder.begin();
    expect(readdirSync(wanted).sort()).toEqual([".overwritten", LOCK_FILE, "notes.txt"].sort());
    await folder.directory.write("config.yaml", "new");
    folder.hasRecords();
    folder[Symbol.dispose]();
    expect(filesOf(wanted)).toEqual(RUN);
  });

  test("deletes the old run at the first checkpoint, but not other files", async () => {
    const wanted = place();
    put(wanted, RUN);
    const folder = await open(wanted, "overwrite");
    folder.begin();
    await folder.directory.write("config.yaml", "new");
    await folder.directory.write("checkpoints/step_00000001.safetensors", "new");
    folder.hasCheckpoint();
    folder[Symbol.dispose]();
    expect(filesOf(wanted)).toEqual({
      "checkpoints/step_00000001.safetensors": "new",
      "config.yaml": "new",
      "notes.txt": "mine",
    });
  });

  test("never mixes or loses runs, whenever it is killed", async () => {
    const wanted = place();
    put(wanted, RUN);
    const killed = await open(wanted, "overwrite");
    killed.begin();
    await killed.directory.write("config.yaml", "new");
    await killed.directory.write("metrics.jsonl", "new");
    // A kill lets nothing run: the lock alone is let go of here, as the system would of a process.
    (killed as unknown as { lock: FolderLock }).lock.release();
    expect(existsSync(join(wanted, "result.json"))).toBe(false);
    await expect(open(wanted)).rejects.toThrow(
      /--overwrite to replace it; the files of the run before it are in .*\.overwritten/,
    );
    const again = await open(wanted, "overwrite");
    again.begin();
    await again.directory.write("config.yaml", "newer");
    again[Symbol.dispose]();
    expect(filesOf(wanted)).toEqual(RUN);
  });

  test("does not recreate a folder that is removed during the run", async () => {
    const wanted = place();
    const folder = await open(wanted, "overwrite");
    folder.begin();
    rmSync(wanted, { recursive: true });
    await expect(folder.directory.write("config.yaml", "x")).rejects.toThrow(
      /the folder was removed while it was in use/,
    );
    expect(() => folder.directory.append("metrics.jsonl", "{}")).toThrow(/the folder was removed/);
    folder[Symbol.dispose]();
    expect(existsSync(wanted)).toBe(false);
  });
});

test("refuses a path where no folder can be created", async () => {
  writeFileSync(join(scratch, "file"), "");
  for (const how of ["new", "overwrite"] as const)
    await expect(open(join(scratch, "file"), how)).rejects.toThrow(/file: expected a folder, got something else/);
  await expect(open(join(scratch, "file", "run"))).rejects.toThrow(
    /cannot make the folder .*file\/run|expected a folder/,
  );
  if (process.platform !== "linux") return;
  await expect(open("/proc/x/y")).rejects.toThrow(/^cannot make the folder \/proc\/x\/y/);
});
