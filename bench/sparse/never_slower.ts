// The figure of the rule for sparse kernels: its choice is never slower than the dense kernels.
import { currentGpu } from "../../src/gpu/index.ts";
import { Scope } from "../../src/tensor/index.ts";
import type { Measured } from "../figures.ts";
import type { KernelCase } from "../lib/case.ts";
import { measureKernel } from "../lib/measure.ts";
import { pickClock, titleOf } from "../lib/run.ts";
import { ruleCases } from "./cases.ts";

/** Return true if the rule chooses a sparse kernel in a case: the same kernels take the same time. */
async function isSparse(bench: KernelCase): Promise<boolean> {
  using _scope = new Scope();
  const { variants } = await bench.prepare();
  const chosen = variants.at(-1)!;
  chosen.run();
  await currentGpu().wait();
  return chosen.kernels!().some((name) => name.startsWith("sparse_product"));
}

/** Return the least speedup of the rule's choice over the dense kernels, in interleaved rounds of each layer and network. */
export async function slowestChoice(rounds: number): Promise<Measured> {
  const clock = await pickClock();
  let worst = { ratio: Number.POSITIVE_INFINITY, title: "" };
  let dense = 0;
  for (const bench of ruleCases) {
    if (!(await isSparse(bench))) {
      dense++;
      continue;
    }
    const { variants } = await measureKernel(bench, { rounds, clock, variants: ["auto"] });
    const { ratio } = variants.at(-1)!;
    if (ratio < worst.ratio) worst = { ratio, title: titleOf(bench) };
  }
  return { value: worst.ratio, detail: `${worst.title}; ${dense} of ${ruleCases.length} cases take dense kernels` };
}
