import { describe, expect, test } from "vitest";
import { KernelError } from "../../src/gpu/errors.ts";
import { fitExtensions } from "../../src/gpu/features.ts";

const adapted = (code: string, ...features: string[]) => fitExtensions("k", code, new Set(features));

describe("fitExtensions", () => {
  test("keeps a text whose extensions the device has", () => {
    const code =
      "enable f16;\nenable subgroups, subgroup_size_control;\n@compute @workgroup_size(64) @subgroup_size(32) fn main() {}";
    expect(adapted(code, "shader-f16", "subgroups", "subgroup-size-control")).toBe(code);
  });
  test("names a missing feature", () => {
    expect(() => adapted("enable f16;\n")).toThrow(new KernelError("k", "needs the feature shader-f16"));
    expect(() => adapted("enable subgroups, f16;\n", "shader-f16")).toThrow("needs the feature subgroups");
    const missing = "needs the feature chromium-experimental-subgroup-matrix";
    expect(() => adapted("enable chromium_experimental_subgroup_matrix;\n")).toThrow(missing);
  });
  test("removes the pinned size where the device cannot pin it", () => {
    const code =
      "enable subgroups;\nenable subgroup_size_control;\n@compute @workgroup_size(64) @subgroup_size(S) fn main() {}";
    const fitted = adapted(code, "subgroups");
    expect(fitted).not.toMatch(/subgroup_size/);
    expect(fitted).toContain("enable subgroups;");
  });
  test("gives matrices the name of the device", () => {
    const code = "enable chromium_experimental_subgroup_matrix;\nconst A = 1;";
    expect(adapted(code, "chromium-experimental-subgroup-matrix")).toBe(code);
    expect(adapted(code, "subgroup-matrix")).toBe("enable subgroup_matrix;\nconst A = 1;");
  });
});
