// The lines of `setup` and `doctor` about the driver.
import { expect, test } from "vitest";
import { driverLines } from "../../src/setup/driver_lines.ts";

const wide = { name: "llvmpipe: Mesa 26.1.6-1 (LLVM 19.1.7)", device: "llvmpipe-llvm-19-1-7-512-bits-" };

test("names the origin, the width of vectors and the folder of compiled shaders", () => {
  const env = { LP_NATIVE_VECTOR_WIDTH: "512", MESA_SHADER_CACHE_DIR: "/c/shaders/mesa-26.1.6-1-512" };
  expect(driverLines("mesa-latest", wide, env)).toEqual([
    "driver    mesa-latest, from the cache",
    "vectors   512 bits (LP_NATIVE_VECTOR_WIDTH)",
    "shaders   compiled ones are kept in /c/shaders/mesa-26.1.6-1-512",
  ]);
  expect(driverLines("system", { ...wide, device: "llvmpipe-llvm-15-0-6-256-bits-" }, {})).toEqual([
    "driver    the system's",
    "vectors   256 bits",
  ]);
});

test("names only the origin of other drivers", () => {
  const card = { name: "radv: Mesa 26.1.6", device: "amd-radeon-graphics-radv-navi31-" };
  expect(driverLines("system", card, { MESA_SHADER_CACHE_DIR: "/c" })).toEqual(["driver    the system's"]);
});
