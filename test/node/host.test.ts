// The small parts of the Node host: switches, cache paths, versions, programs run.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { cacheFolder, cachePath } from "../../src/node/cache.ts";
import { gitCommit, readSwitches, runEnvironment, versions } from "../../src/node/env.ts";
import { lastLines, run } from "../../src/node/programs.ts";
import { must, SetupError } from "../../src/setup/command.ts";
import { setup } from "../../src/setup/setup.ts";

afterEach(() => vi.unstubAllEnvs());

describe("switches", () => {
  test("are off in an empty environment", () => {
    const off = {
      ...{ debug: 0, checkNan: false, requireGpu: false, adapter: undefined, spin: false, tune: "auto" },
      ...{ matrix: true, memory: undefined },
    };
    expect(readSwitches({})).toEqual(off);
    expect(readSwitches({ ESPALIER_DEBUG: "", ESPALIER_REQUIRE_GPU: "0", ESPALIER_ADAPTER: "" })).toEqual(off);
  });
  test("are read", () => {
    const env = {
      ESPALIER_DEBUG: "3",
      ESPALIER_CHECK: "nan",
      ESPALIER_REQUIRE_GPU: "1",
      ESPALIER_ADAPTER: "nvidia",
      ESPALIER_SPIN: "1",
      ESPALIER_TUNE: "off",
      ESPALIER_MATRIX: "off",
      ESPALIER_MEMORY: "1500.5",
    };
    const want = {
      ...{ debug: 3, checkNan: true, requireGpu: true, adapter: "nvidia", spin: true, tune: "off" },
      ...{ matrix: false, memory: 1500.5 },
    };
    expect(readSwitches(env)).toEqual(want);
  });
  test.each([
    [{ ESPALIER_DEBUG: "9" }, 'ESPALIER_DEBUG: expected one of 0, 1, 2, 3, 4, got "9"'],
    [{ ESPALIER_CHECK: "NaN" }, 'ESPALIER_CHECK: expected one of nan, got "NaN"'],
    [{ ESPALIER_TUNE: "1" }, 'ESPALIER_TUNE: expected one of off, auto, on, got "1"'],
    [{ ESPALIER_MATRIX: "0" }, 'ESPALIER_MATRIX: expected one of off, auto, got "0"'],
    [{ ESPALIER_MEMORY: "0" }, 'ESPALIER_MEMORY: expected a number of MiB > 0, got "0"'],
    [{ ESPALIER_REQUIRE_GPU: "yes" }, 'ESPALIER_REQUIRE_GPU: expected one of 0, 1, got "yes"'],
  ])("%j is refused", (env, words) => expect(() => readSwitches(env)).toThrow(words));
});

test.each<[NodeJS.Platform, Record<string, string>, string]>([
  ["linux", {}, "/home/a/.cache/espalier"],
  ["darwin", {}, "/home/a/Library/Caches/espalier"],
  ["darwin", { XDG_CACHE_HOME: "/x" }, "/x/espalier"],
  ["win32", { LOCALAPPDATA: "/local" }, "/local/espalier/Cache"],
  ["win32", {}, "/home/a/AppData/Local/espalier/Cache"],
])("the cache folder on %s with %o is %s", (platform, env, folder) => {
  expect(cacheFolder({ platform, env, home: "/home/a" })).toBe(join(folder));
});

test("uses XDG_CACHE_HOME for the cache, but not a relative one", () => {
  vi.stubEnv("XDG_CACHE_HOME", "/somewhere");
  expect(cachePath("gpu", "mesa")).toBe(join("/somewhere", "espalier", "gpu", "mesa"));
  vi.stubEnv("XDG_CACHE_HOME", "relative");
  expect(cachePath("gpu")).toMatch(/\.cache[/\\]espalier[/\\]gpu$/);
});

test("names the versions in a run's environment", () => {
  const { espalier, node, webgpu } = versions();
  expect([espalier, node, webgpu]).toEqual([
    expect.stringMatching(/^\d+\.\d+\.\d+/),
    process.versions.node,
    expect.stringMatching(/^\d+\./),
  ]);
  expect(runEnvironment()).toMatchObject({
    espalier,
    node,
    webgpu,
    started: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
  expect(gitCommit(tmpdir())).toBeNull();
});

describe("running programs", () => {
  const node = (script: string) => [process.execPath, ["-e", script]] as const;
  test("returns exit code, stdout and both streams, and passes the input", async () => {
    const ran = await run(...node("process.stdin.pipe(process.stdout); console.error('e'); process.exitCode = 3"), {
      input: "in",
    });
    expect(ran).toMatchObject({ code: 3, stdout: "in" });
    expect(ran.output).toContain("e\n");
  });
  test("returns 127 for a missing program, 124 for one that takes too long", async () => {
    expect((await run("espalier-has-no-such-program", [])).code).toBe(127);
    expect((await run(...node("setTimeout(() => {}, 60000)"), { seconds: 0.2 })).code).toBe(124);
  });
  test("must() reports the failure and the last lines", async () => {
    const failing = must("cannot do it", ...node("console.log('one'); console.error('two'); process.exitCode = 4"));
    await expect(failing).rejects.toThrow(SetupError);
    await expect(failing).rejects.toThrow(/^cannot do it: .* failed with exit code 4\n/);
    expect(lastLines("a\n\nb\nc\n", 2)).toBe("    b\n    c");
  });
});

test("setup refuses an unknown driver", async () => {
  await expect(setup({ driver: "magic" as "apt" })).rejects.toThrow(
    'driver: expected one of mesa, mesa-latest, swiftshader, apt, got "magic"',
  );
});
