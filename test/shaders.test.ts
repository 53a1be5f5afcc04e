// Every shader compiles as it lies, on Dawn's Null backend: it validates and runs nothing.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { create, globals } from "webgpu";
import { FEATURES } from "../src/gpu/features.ts";
import { applySpec, readHeader } from "../src/gpu/wgsl.ts";
// @ts-expect-error plain JavaScript shared with the build
import { expandIncludes } from "../tools/wgsl_text.mjs";

const folder = resolve(import.meta.dirname, "../shaders");
const shaders = readdirSync(folder).filter((f) => f.endsWith(".wgsl"));
let gpu: GPU; // kept alive: dropping it ends the process
let device: GPUDevice;

beforeAll(async () => {
  Object.assign(globalThis, globals);
  gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  const adapter = (await gpu.requestAdapter())!;
  device = await adapter.requestDevice({
    requiredFeatures: FEATURES.filter((f) => adapter.features.has(f)) as GPUFeatureName[],
  });
});
afterAll(() => device.destroy());

function source(file: string): string {
  const path = join(folder, file);
  const text = expandIncludes(readFileSync(path, "utf8"), path) as string;
  return applySpec(file, text, {});
}

describe("each shader", () => {
  test.each(shaders)("%s compiles and stays within the default limits", async (file) => {
    const code = source(file);
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code });
    const info = await module.getCompilationInfo();
    expect(info.messages.filter((m) => m.type === "error").map((m) => `${m.lineNum}: ${m.message}`)).toEqual([]);
    device.createComputePipeline({ layout: "auto", compute: { module } });
    expect((await device.popErrorScope())?.message).toBeUndefined();
    const header = readHeader(file, code);
    const storage = header.bindings.filter((b) => b.kind !== "uniform");
    expect(storage.length).toBeLessThanOrEqual(8);
    expect(header.bindings.map((b) => b.index)).toEqual(header.bindings.map((_, i) => i));
  });
});

/** List the lines of loops marked `//!unroll` that hold `&&` or `||` outside of an `if` and of constants. */
function branchesInUnrolled(file: string): string[] {
  const found: string[] = [];
  const unrolled: number[] = [];
  let depth = 0;
  for (const line of readFileSync(join(folder, file), "utf8").split("\n")) {
    const [code] = line.split("//") as [string];
    const tests = /&&|\|\|/.test(code) && !/^\s*if \(/.test(code) && !/\b[A-Z_]+ (?:&&|\|\|) !?[A-Z_]+\b/.test(code);
    if (unrolled.length > 0 && tests) found.push(line.trim());
    const before = depth;
    depth += (code.match(/\{/g)?.length ?? 0) - (code.match(/\}/g)?.length ?? 0);
    while (unrolled.length > 0 && depth <= unrolled.at(-1)!) unrolled.pop();
    if (line.includes("//!unroll")) unrolled.push(before);
  }
  return found;
}

// `a && b` is a branch: a loop written out has one each turn. SwiftShader's compiler took minutes and gigabytes for 200 of them,
// and a GPU waits for loads before each. `a & b` is none.
test.each([...shaders, ...readdirSync(join(folder, "lib")).map((f) => `lib/${f}`)])(
  "%s has no branch within an expression of an unrolled loop",
  (file) => expect(branchesInUnrolled(file)).toEqual([]),
);
