// Makes docs/images/rescaling.png: what happens to the masks of LTP, L1 and L2 if the weights of a layer before batch norm are
// multiplied by c. Run: npm run -s rescaling [-- FILE.png]
import { writeFileSync } from "node:fs";
import { adapterName, openGpu } from "../src/node/adapter.ts";
import { overlap, rescalingRuns } from "./rescaling/experiment.ts";
import { rescalingFigure } from "./rescaling/figure.ts";

const FACTORS = [1 / 4, 1 / 2, 1, 2, 4];

const gpu = await openGpu({});
const runs = await rescalingRuns(FACTORS, ["c²", "the same"]);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`.padStart(8);
for (const run of runs) {
  const one = runs.find((r) => r.method === run.method && r.rate === run.rate && r.c === 1)!;
  const line = [`${run.method} lr ${run.rate}`.padEnd(16), String(run.c).padStart(6), percent(run.zeros)];
  process.stdout.write(`${[...line, percent(overlap(run, one)), percent(run.accuracy)].join("  ")}\n`);
}
const out = process.argv[2] ?? "docs/images/rescaling.png";
const figure = rescalingFigure(
  runs,
  `Two convolutions with batch norm on gratings of four directions; ${adapterName(gpu.adapter)}`,
);
writeFileSync(out, await figure.png());
process.stdout.write(`${out}\n`);
gpu.destroy();
