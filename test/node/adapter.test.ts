// The names of adapters in reports and run files.
import { expect, test } from "vitest";
import { GENERIC_ADAPTER } from "../../src/gpu/index.ts";
import { adapterName } from "../../src/node/adapter.ts";

test("names the driver of a software adapter, and an unusual width of lavapipe's vectors", () => {
  const on = (device: string, description: string) =>
    adapterName({ ...GENERIC_ADAPTER, software: true, device, description });
  const mesa = "llvmpipe: Mesa 26.1.6-1 (LLVM 19.1.7)";
  expect(on("llvmpipe-llvm-19-1-7-512-bits-", mesa)).toBe(`${mesa}, 512 bits`);
  expect(on("llvmpipe-llvm-19-1-7-256-bits-", mesa)).toBe(mesa);
  expect(on("swiftshader-device-subzero-", "SwiftShader driver: 5.0.0")).toBe("SwiftShader driver: 5.0.0");
  expect(on("", "")).toBe(GENERIC_ADAPTER.vendor || "unknown software adapter");
});

test("names a card and its driver", () => {
  const card = { ...GENERIC_ADAPTER, device: "amd-radeon-navi31", description: "radv: Mesa 26.1.6" };
  expect(adapterName(card)).toBe("amd-radeon-navi31, radv: Mesa 26.1.6");
});
