// The tuner's winners on disk: separate adapters, and corrupt files.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { versions } from "../../src/node/env.ts";
import { fileTuneStore } from "../../src/node/tune_cache.ts";

let folder: string;
let path: string;
let said: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-tune-"));
  path = join(folder, "deep", "tune.json");
  said = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test("returns saved winners by adapter, and adds to them", async () => {
  const store = fileTuneStore(path);
  expect(await store.load("card A")).toEqual({});
  await store.save("card A", { one: "tile 4" });
  await store.save("card B", { one: "tile 8" });
  await store.save("card A", { two: "tile 2", one: "tile 1" });
  const again = fileTuneStore(path);
  expect(await again.load("card A")).toEqual({ one: "tile 1", two: "tile 2" });
  expect(await again.load("card B")).toEqual({ one: "tile 8" });
  expect(await again.load("card C")).toEqual({});
  expect(readdirSync(join(folder, "deep"))).toEqual(["tune.json"]);
  expect(said).toEqual([]);
});

test("writes format and Dawn's version, and the same bytes for any order of the keys", async () => {
  await fileTuneStore(path).save("card", { b: "1", a: "2" });
  const text = readFileSync(path, "utf8");
  expect(JSON.parse(text)).toEqual({
    format: 2,
    adapters: { [`card | dawn ${versions().webgpu}`]: { a: "2", b: "1" } },
  });
  await fileTuneStore(path).save("card", { a: "2", b: "1" });
  expect(readFileSync(path, "utf8")).toBe(text);
  expect(text.indexOf('"a"')).toBeLessThan(text.indexOf('"b"'));
});

test.each([
  ["not JSON", "{ half"],
  ["another format", JSON.stringify({ format: 1, adapters: {} })],
  ["winners that are no names", JSON.stringify({ format: 2, adapters: { card: { one: 7 } } })],
  ["a list", "[]"],
])("ignores a file with %s in one line, and replaces it", async (_what, text) => {
  const flat = join(folder, "tune.json");
  writeFileSync(flat, text);
  const store = fileTuneStore(flat);
  expect(await store.load("card")).toEqual({});
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^espalier: .*tune\.json is ignored: expected tuning results: [^\n]+\n$/);
  await store.save("card", { one: "tile 4" });
  said.length = 0;
  expect(await store.load("card")).toEqual({ one: "tile 4" });
  expect(said).toEqual([]);
});

test("is in the cache folder, and refuses an empty path", async () => {
  vi.stubEnv("XDG_CACHE_HOME", folder);
  await fileTuneStore().save("card", { one: "tile 4" });
  expect(readdirSync(join(folder, "espalier"))).toEqual(["tune.json"]);
  expect(() => fileTuneStore("")).toThrow('fileTuneStore: expected the path of a file, got ""');
});
