// Parquet files that hang, crash or bloat their parser: each gives one error line that names the file, within a short
// time.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SourceError } from "../../src/data/index.ts";
import { openParquet } from "../../src/images/parquet.ts";
import { ParquetServer } from "../../src/images/parquet_worker.ts";
import { parquetOf, type Row, temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
let count = 0;
const file = (bytes: Uint8Array): string => {
  const name = `${count++}.parquet`;
  return join(writeFiles(root, { [name]: bytes }), name);
};
const rows = (n: number): Row[] =>
  Array.from({ length: n }, (_, i) => ({ bytes: Uint8Array.of(200, i, 255, 0), label: i % 3 }));
const good = parquetOf(rows(9), ["ant", "bee", "cat"]);

/** Read all of a file: its byte count, or the error. */
async function outcome(path: string): Promise<number | Error> {
  try {
    const source = await openParquet([path]);
    try {
      let bytes = 0;
      for (let i = 0; i < source.length; i++) bytes += (await source.read(i)).length;
      return bytes;
    } finally {
      await source.close();
    }
  } catch (error) {
    return error as Error;
  }
}

function withByteAt(at: number, value: number): Uint8Array {
  const bytes = good.slice();
  bytes[at] = value;
  return bytes;
}

/** Maximise a multi-byte number at one position, as in headers. */
const withBytesAt = (at: number): Uint8Array => {
  const bytes = good.slice();
  bytes.set([0xfe, 0xff, 0xff, 0xff, 0x0f], at);
  return bytes;
};

test("reads a file with one byte set to 0xff, or ends in a SourceError that names it", async () => {
  for (let at = 0; at < good.length; at += 5) {
    const path = file(withByteAt(at, 0xff));
    const found = await outcome(path);
    if (typeof found === "number") continue;
    expect(found).toBeInstanceOf(SourceError);
    expect(found.message).toContain(path);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
    expect(found.message).not.toMatch(/[\u0000-\u001f\u007f]/);
  }
});

test("stops an endless loop, and reads other files meanwhile and after", async () => {
  // The first run of levels of the first page: a run of no values, again and again.
  const hanging = file(withByteAt(11, 0));
  const sound = file(good);
  const [stopped, read] = await Promise.all([outcome(hanging), outcome(sound)]);
  expect((stopped as Error).message).toBe(
    `parquet: ${hanging}: not a complete parquet file: parsing did not end within 0.4 s`,
  );
  expect(read).toBe(36);
  expect(await outcome(sound)).toBe(36);
});

test("refuses more rows, values or bytes than the file can hold before allocating", async () => {
  const found: string[] = [];
  const begins = [4, 8, 12, 40, 60, 90, 130, 150].map((at) => file(withBytesAt(at)));
  const ends = Array.from({ length: 40 }, (_, i) => file(withBytesAt(good.length - 60 - 9 * i)));
  for (const path of [...begins, ...ends]) {
    const error = await outcome(path);
    if (error instanceof Error) found.push(error.message);
  }
  expect(found.some((message) => /expected at most \d+, got /.test(message))).toBe(true);
  expect(process.resourceUsage().maxRSS).toBeLessThan(2 ** 20); // KiB
});

describe("other than regular files", () => {
  test("refuses a named pipe, a device, a folder", async () => {
    const pipe = join(root, "pipe.parquet");
    execFileSync("mkfifo", [pipe]);
    await expect(openParquet([pipe])).rejects.toThrow(`${pipe}: expected a regular file, got a named pipe (FIFO)`);
    await expect(openParquet(["/dev/zero"])).rejects.toThrow("/dev/zero: expected a regular file, got a device");
    await expect(openParquet([root])).rejects.toThrow(`${root}: expected a regular file, got a folder`);
  });
});

test("refuses rows that change during reading, and a closed reader", async () => {
  const path = file(good);
  const source = await openParquet([path]);
  writeFileSync(path, parquetOf(rows(1), null).subarray(0, 100));
  await expect(source.read(0)).rejects.toThrow(path);
  await source.close();
  await expect(source.read(8)).rejects.toThrow(`${path}: the reader was closed`);
});

test("uses nothing from outside in the thread's code", () => {
  const text = ParquetServer.toString();
  expect(text).not.toMatch(/\bimport\b|\brequire\b|__vi|__vite/);
  // Made from its text alone, as the thread makes it.
  const Made = new Function("__name", `return (${text})`)((named: unknown) => named) as typeof ParquetServer;
  const heard: string[] = [];
  new Made({ port: { on: (event: string) => heard.push(event) } } as never);
  expect(heard).toEqual(["message"]);
});
