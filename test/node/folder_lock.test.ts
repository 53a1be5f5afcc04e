// Locks of folders: one writer, stale locks are taken over, others are respected.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FolderLock, LOCK_FILE } from "../../src/node/folder_lock.ts";
import { fateOf, ownMark } from "../../src/node/process_mark.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-lock-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let count = 0;
function folder(): string {
  const path = join(scratch, `f${count++}`);
  mkdirSync(path);
  return path;
}
/** Make a lock as left by another process. */
function lockOf(change: Record<string, unknown>): { dir: string; path: string } {
  const dir = folder();
  const path = join(dir, LOCK_FILE);
  const lock = { ...ownMark(), command: "espalier train", time: "2024-01-01T00:00:00.000Z", token: "other", ...change };
  writeFileSync(path, JSON.stringify(lock));
  return { dir, path };
}
/** Return the id of a process that has ended. */
const endedPid = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

describe("a folder", () => {
  test("has one named writer at a time", async () => {
    const dir = folder();
    const lock = await FolderLock.take(dir, { command: "espalier train --seed 1" });
    expect(JSON.parse(readFileSync(join(dir, LOCK_FILE), "utf8"))).toMatchObject({
      pid: process.pid,
      command: "espalier train --seed 1",
    });
    await expect(FolderLock.take(dir, { command: "espalier train" })).rejects.toThrow(
      new RegExp(`is in use by process ${process.pid} on .*: espalier train --seed 1\\. .*delete .*${LOCK_FILE}`),
    );
    expect(FolderLock.holderOf(dir)).toMatch(`process ${process.pid}`);
    lock.release();
    lock.release();
    expect(readdirSync(dir)).toEqual([]);
    expect(FolderLock.holderOf(dir)).toBeNull();
    (await FolderLock.take(dir, { command: "x" })).release();
  });

  test("is given to one of many concurrent requests", async () => {
    for (const stale of [false, true]) {
      const dir = stale ? lockOf({ pid: endedPid() }).dir : folder();
      const asked = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => FolderLock.take(dir, { command: `c${i}` })),
      );
      const locks = asked.flatMap((a) => (a.status === "fulfilled" ? [a.value] : []));
      expect(locks).toHaveLength(1);
      locks[0]?.release();
      expect(readdirSync(dir)).toEqual([]);
    }
  });
});

describe("a stale lock is taken over with a note", () => {
  test.each<[string, () => Record<string, unknown>]>([
    ["its process has ended", () => ({ pid: endedPid() })],
    ["its number belongs to a process that started later", () => ({ pid: process.pid, started: "1" })],
    ["the machine was restarted since", () => ({ boot: "another" })],
  ])("%s", async (_, change) => {
    const { dir } = lockOf(change());
    const notes: string[] = [];
    const lock = await FolderLock.take(dir, { command: "x", note: (line) => notes.push(line) });
    expect(notes).toEqual([
      expect.stringMatching(/took over the lock of a process that has ended: process \d+ on .*: espalier train/),
    ]);
    expect(readdirSync(dir)).toEqual([LOCK_FILE]);
    lock.check();
    lock.release();
  });

  test("if it is half a lock, or none", async () => {
    for (const text of ["", "{", "null", '{"pid":1}']) {
      const { dir, path } = lockOf({});
      writeFileSync(path, text);
      (await FolderLock.take(dir, { command: "x", patienceMs: 20 })).release();
    }
  });

  test("a zombie has ended", () => {
    // Its parent, which never asks for exit codes, prints its number.
    const parent = spawnSync("sh", ["-c", "sh -c 'exit 0' & echo $!; sleep 0.2; cat /proc/$!/stat"], {
      encoding: "utf8",
    });
    const [pid, stat] = parent.stdout.split("\n");
    if (stat === undefined || !/\) Z /.test(stat)) return; // reaped at once by this system's sh
    expect(fateOf({ ...ownMark(), pid: Number(pid) })).toBe("ended");
  });
});

describe("a process that is not visible from here", () => {
  test.each(["host", "space"])("on another %s loses its lock without a sign of life", async (what) => {
    const { dir } = lockOf({ [what]: "elsewhere" });
    const notes: string[] = [];
    const lock = await FolderLock.take(dir, { command: "x", patienceMs: 40, note: (line) => notes.push(line) });
    expect(notes[0]).toMatch(/in use by process .*is not visible from here; waiting 0.04 s for a sign of life/);
    expect(notes[1]).toMatch(/took over the lock/);
    lock.release();
  });

  test("retains the folder with a sign of life", async () => {
    const { dir, path } = lockOf({ host: "elsewhere" });
    const beating = setInterval(() => utimesSync(path, new Date(), new Date()), 20);
    try {
      await expect(FolderLock.take(dir, { command: "x", patienceMs: 2000 })).rejects.toThrow(
        /is in use by .* on elsewhere/,
      );
    } finally {
      clearInterval(beating);
    }
  });

  test("shows signs of life as a holder", async () => {
    const dir = folder();
    const lock = await FolderLock.take(dir, { command: "x", beatMs: 10 });
    const other = { ...ownMark(), host: "elsewhere" };
    await expect(FolderLock.take(dir, { command: "y", patienceMs: 2000, mark: other })).rejects.toThrow(/is in use/);
    lock.release();
  });
});

describe("before each write", () => {
  test("rewrites a deleted lock", async () => {
    const dir = folder();
    const lock = await FolderLock.take(dir, { command: "x" });
    rmSync(join(dir, LOCK_FILE));
    lock.check();
    expect(existsSync(join(dir, LOCK_FILE))).toBe(true);
    lock.release();
  });

  test("reports a folder that was removed, replaced or taken", async () => {
    const dir = folder();
    const lock = await FolderLock.take(dir, { command: "x" });
    writeFileSync(join(dir, LOCK_FILE), JSON.stringify({ ...ownMark(), command: "thief", time: "now", token: "t" }));
    expect(() => lock.check()).toThrow(/was taken over by process \d+ on .*: thief/);
    rmSync(dir, { recursive: true });
    expect(() => lock.check()).toThrow(`${dir}: the folder was removed while it was in use`);
    writeFileSync(join(scratch, "occupies the inode"), "");
    mkdirSync(join(scratch, "other"));
    mkdirSync(dir);
    expect(() => lock.check()).toThrow(/the folder was replaced|was taken over|removed/);
    lock.release();
  });
});

test("releases locks at exit; escapes control characters in locks", async () => {
  const { dir } = lockOf({ command: "evil \u001b[2J", host: ownMark().host, pid: process.ppid, started: null });
  await expect(FolderLock.take(dir, { command: "x" })).rejects.toThrow(/evil \\x1b\[2J/);
  const other = folder();
  const code = `
    import { FolderLock } from ${JSON.stringify(join(process.cwd(), "src/node/folder_lock.ts"))};
    await FolderLock.take(${JSON.stringify(other)}, { command: "child" });
    process.stdout.write("held");
    setTimeout(() => process.exit(3), 300);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code]);
  await new Promise((held) => child.stdout.once("data", held));
  await expect(FolderLock.take(other, { command: "x" })).rejects.toThrow(/: child/);
  await new Promise((end) => child.once("close", end));
  expect(readdirSync(other)).toEqual([]);
});
