// Runs the checks of the kernels on matrix units, and prints their titles with what failed.
import { currentGpu, requestGpu } from "../../src/gpu/index.ts";
import { installGpu } from "../../src/node/dawn.ts";
import { CONV_CHECKS } from "../ops/conv2d_matrix_checks.ts";
import { MATMUL_CHECKS } from "../ops/matmul_matrix_checks.ts";

await installGpu();
await requestGpu();
const failures: string[] = [];
const checks = [...MATMUL_CHECKS, ...CONV_CHECKS];
for (const { title, run } of checks) {
  await run().catch((error: unknown) => failures.push(`${title}: ${error}`));
}
const [shape] = currentGpu().adapter.matrices;
process.stdout.write(`${JSON.stringify({ shape, checks: checks.length, failures })}\n`, () => process.exit(0));
