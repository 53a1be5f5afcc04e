// A process on lavapipe of Mesa 26.1 or newer.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { MESA_26_1 } from "../../src/gpu/index.ts";
import { runOnRecentLavapipe, testOnRecentLavapipe } from "../support/recent_lavapipe.ts";
import { recentLavapipe } from "../support/recent_lavapipe_start.ts";

const report = async (env = {}) => {
  const { code, out, err } = await runOnRecentLavapipe("test/node/recent_lavapipe_child.ts", [], env);
  expect({ code, err }).toMatchObject({ code: 0 });
  return JSON.parse(out) as { how: string; lavapipe: { mesa: number; lanes: number }; product: number[] };
};

testOnRecentLavapipe("computes on the driver, with the width that the user chose", async () => {
  const { how, lavapipe, product } = await report({ LP_NATIVE_VECTOR_WIDTH: "128" });
  expect(how).toBe(recentLavapipe()!.driver);
  expect(lavapipe.mesa).toBeGreaterThanOrEqual(MESA_26_1);
  expect(lavapipe.lanes).toBe(4);
  expect(product).toEqual([19, 22, 43, 50]);
});

testOnRecentLavapipe("takes the processor's widest vectors by default", async () => {
  const wide = /\bavx512vl\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  const { lavapipe } = await report({ LP_NATIVE_VECTOR_WIDTH: "" });
  expect(lavapipe.lanes === 16).toBe(wide);
});
