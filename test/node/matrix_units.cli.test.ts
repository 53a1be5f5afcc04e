// The kernels on matrix units, run on a lavapipe that has such units.
import { expect } from "vitest";
import { runOnRecentLavapipe, testOnRecentLavapipe } from "../support/recent_lavapipe.ts";

testOnRecentLavapipe(
  "matrix units agree with float64 on lavapipe with vectors of 256 bits",
  async () => {
    const env = { LP_NATIVE_VECTOR_WIDTH: "256" };
    const { code, out, err } = await runOnRecentLavapipe("test/node/matrix_units_child.ts", [], env);
    expect({ code, err }).toMatchObject({ code: 0 });
    const { shape, checks, failures } = JSON.parse(out) as { shape: unknown; checks: number; failures: string[] };
    expect(failures).toEqual([]);
    expect(shape).toEqual({ m: 8, n: 8, k: 8, lanes: 8 });
    expect(checks).toBeGreaterThan(20);
  },
  { timeout: 600_000 },
);
