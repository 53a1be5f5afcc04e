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
