// Reading and writing files: atomic writes, and errors that name the path.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileError } from "../../src/node/file_error.ts";
import { fileSource, type WriteCalls, writeAtomic } from "../../src/node/files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytesOf = (text: string) => new TextEncoder().encode(text);
const errno = (code: string) => Object.assign(new Error(code), { code });

/** File system in memory whose writes take at most `sizes[i]` bytes each, and which fails at `fail`. */
function fakeDisk(
  options: { sizes?: readonly number[]; fail?: (call: string, count: number) => string | undefined } = {},
) {
  const files = new Map<string, number[]>();
  const calls: string[] = [];
  const step = (call: string) => {
    calls.push(call);
    const code = options.fail?.(call, calls.filter((c) => c === call).length);
    if (code) throw errno(code);
  };
  const disk: WriteCalls = {
    async open(path, flags) {
      step(`open ${flags}`);
      if (flags === "w") files.set(path, []);
      let writes = 0;
      return {
        async write(bytes, offset, length) {
          step("write");
          const taken = Math.min(length, options.sizes?.[writes++] ?? length);
          files.get(path)?.push(...bytes.subarray(offset, offset + taken));
          return { bytesWritten: taken };
        },
        sync: async () => step("sync"),
        close: async () => step("close"),
      };
    },
    async rename(from, to) {
      step("rename");
      files.set(to, files.get(from) ?? []);
      files.delete(from);
    },
    async unlink(path) {
      step("unlink");
      files.delete(path);
    },
  };
  return { disk, files, calls };
}

describe("writeAtomic", () => {
  test("reads back its output, and leaves nothing else in the folder", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
        await writeAtomic(join(folder, "a.bin"), bytes);
        expect(await fileSource(folder).read("a.bin")).toEqual(bytes);
        expect(readdirSync(folder)).toEqual(["a.bin"]);
      }),
      { numRuns: 20 },
    );
  });

  test("continues short writes until all bytes are written", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 }),
        async (bytes, sizes) => {
          const { disk, files } = fakeDisk({ sizes });
          await writeAtomic("/d/a.bin", bytes, disk);
          expect([...files]).toEqual([["/d/a.bin", [...bytes]]]);
        },
      ),
    );
  });

  test("flushes the file before the rename and the folder after it", async () => {
    const { disk, calls } = fakeDisk();
    await writeAtomic("/d/a.bin", bytesOf("x"), disk);
    expect(calls).toEqual(["open w", "write", "sync", "close", "rename", "open r", "sync", "close"]);
  });

  test("keeps the old file on a full disk (short first write, failed second one), and removes the temporary one", async () => {
    const fail = (call: string, count: number) => (call === "write" && count === 2 ? "ENOSPC" : undefined);
    const { disk, files } = fakeDisk({ sizes: [3], fail });
    files.set("/d/a.bin", [1, 2]);
    const writing = writeAtomic("/d/a.bin", bytesOf("abcdef"), disk);
    await expect(writing).rejects.toThrow("cannot write 6 bytes to /d/a.bin: the disk is full");
    expect([...files]).toEqual([["/d/a.bin", [1, 2]]]);
  });

  test("does not hang if the system writes no byte without an error", async () => {
    const { disk, files } = fakeDisk({ sizes: [2, 0] });
    await expect(writeAtomic("/d/a.bin", bytesOf("abcdef"), disk)).rejects.toThrow(
      "cannot write 6 bytes to /d/a.bin: the system wrote none of the last 4 bytes",
    );
    expect(files.size).toBe(0);
  });

  test.each([
    ["open w", "EACCES", "permission denied"],
    ["open w", "EROFS", "the file system is read-only"],
    ["sync", "EDQUOT", "the disk quota is used up"],
    ["close", "ENOSPC", "the disk is full"],
    ["rename", "EISDIR", "it is a folder"],
  ])("%s failing with %s leaves nothing behind", async (call, code, words) => {
    const { disk, files } = fakeDisk({ fail: (c) => (c === call ? code : undefined) });
    const writing = writeAtomic("/d/a.bin", bytesOf("abc"), disk);
    await expect(writing).rejects.toThrow(FileError);
    await expect(writing).rejects.toThrow(`cannot write 3 bytes to /d/a.bin: ${words}`);
    expect(files.size).toBe(0);
  });

  test("accepts file systems that cannot flush a folder, but not a failing disk", async () => {
    const withFolder = (code: string) => fakeDisk({ fail: (c) => (c === "open r" ? code : undefined) }).disk;
    await writeAtomic("/d/a.bin", bytesOf("x"), withFolder("EISDIR"));
    await expect(writeAtomic("/d/a.bin", bytesOf("x"), withFolder("EIO"))).rejects.toThrow(
      "cannot flush the folder /d: ",
    );
  });

  test("names real folders that cannot be written", async () => {
    writeFileSync(join(folder, "file"), "");
    const missing = join(folder, "none", "a.bin");
    const below = join(folder, "file", "a.bin");
    await expect(writeAtomic(missing, bytesOf("x"))).rejects.toThrow(
      `cannot write 1 bytes to ${missing}: no such file or folder`,
    );
    await expect(writeAtomic(below, bytesOf("x"))).rejects.toThrow(
      `cannot write 1 bytes to ${below}: a part of the path is not a folder`,
    );
  });

  test("allows two concurrent writes of one path", async () => {
    const path = join(folder, "a.bin");
    const versions = [1, 2, 3, 4].map((n) => new Uint8Array(100_000).fill(n));
    await Promise.all(versions.map((bytes) => writeAtomic(path, bytes)));
    const have = new Uint8Array(readFileSync(path));
    expect(versions.some((bytes) => Buffer.compare(bytes, have) === 0)).toBe(true);
    expect(readdirSync(folder)).toEqual(["a.bin"]);
  });

  test("refuses other values than a path and bytes", async () => {
    await expect(writeAtomic("", bytesOf("x"))).rejects.toThrow('expected a file path, got ""');
    await expect(writeAtomic("a", "text" as unknown as Uint8Array)).rejects.toThrow(
      "cannot write a: expected a Uint8Array, got string",
    );
  });
});

describe("fileSource", () => {
  test("reads files of a folder and of its subfolders", async () => {
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", "b.bin"), new Uint8Array([5, 6]));
    const source = fileSource(folder);
    expect(source.name).toBe(folder);
    expect(await source.read("sub/b.bin")).toEqual(new Uint8Array([5, 6]));
    expect(await source.exists("sub/b.bin")).toBe(true);
    expect(await source.exists("sub")).toBe(false);
    expect(await source.exists("none")).toBe(false);
    await expect(source.read("none")).rejects.toThrow(`${folder}: none: no such file`);
  });

  test("reads a single file by its name only", async () => {
    const path = join(folder, "a.bin");
    writeFileSync(path, "hello");
    const source = fileSource(path);
    expect(new TextDecoder().decode(await source.read("a.bin"))).toBe("hello");
    expect(await source.exists("b.bin")).toBe(false);
    await expect(source.read("b.bin")).rejects.toThrow("no such file");
  });

  test.each(["../a", "/etc/passwd", "a/../b", "", "./a", "a\\b"])("refuses the path %j", async (path) => {
    await expect(fileSource(folder).read(path)).rejects.toThrow("expected a relative path without . or .. parts");
    await expect(fileSource(folder).exists(path)).rejects.toThrow("expected a relative path without . or .. parts");
  });

  test("lists files and folders, sorted", async () => {
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", "b.bin"), new Uint8Array([5]));
    writeFileSync(join(folder, "a.bin"), new Uint8Array([5]));
    const source = fileSource(folder);
    expect(await source.list("")).toEqual(["a.bin", "sub"]);
    expect(await source.list("sub")).toEqual(["b.bin"]);
    expect(await fileSource(join(folder, "a.bin")).list("")).toEqual(["a.bin"]);
    await expect(source.list("none")).rejects.toThrow(`${folder}: none: no such folder`);
    await expect(source.list("a.bin")).rejects.toThrow("a part of the path is not a folder");
    await expect(source.list("..")).rejects.toThrow("expected a relative path without . or .. parts");
  });

  test("finds no files in a missing folder", async () => {
    const source = fileSource(join(folder, "none"));
    expect(await source.exists("a")).toBe(false);
    await expect(source.read("a")).rejects.toThrow(`${join(folder, "none")}: a: no such file`);
    expect(() => fileSource("")).toThrow('fileSource: "": expected the path of a folder or a file');
  });
});
