// The tables and the page of `espalier bench-model`.
import { expect, test } from "vitest";
import { speedPage } from "../../src/report/speed_page.ts";
import { conditionsOf, renderFileTable, renderSpeedTable, type SpeedReport } from "../../src/report/speed_report.ts";

const spread = (median: number) => ({ median, low: 0.9 * median, high: 1.1 * median });

const row = (name: string, factor: number) => ({
  name,
  load: spread(20 / factor),
  speed: [1, 64].map((batch) => ({
    ...{ name, batch, speedup: factor, difference: 2e-7 },
    milliseconds: spread((2 * batch) / factor),
    imagesPerSecond: spread(500 * factor),
  })),
  kernels: [],
});

const info = { name: "fc", weights: 80, nonzeros: 8, liveBlocks: 0.1, kernel: "block 8" } as const;
const report: SpeedReport = {
  ...{ path: "runs/<a>", model: "lenet-bn", sample: [1, 28, 28], zeros: 0.9 },
  ...{ adapter: "llvmpipe", software: true, cores: 2, systemLoad: 3.25, rounds: 9 },
  files: [
    { layout: "dense", bytes: 400000 },
    { layout: "block", bytes: 44000 },
  ],
  rows: [
    { ...row("dense", 1), accuracy: 0.97 },
    { ...row("sparse kernels", 2.5), accuracy: 0.97, kernels: [info] },
    row("ONNX Runtime (CPU), 2 threads", 0.5),
  ],
  notes: ["no compact form: dead"],
};
const plain = { screen: { isTTY: false }, env: {} };

test("the tables have sizes, medians with spreads, ratios to dense, and accuracies", () => {
  expect(renderFileTable(report, plain)).toMatch(/\| block +\| +44\.0 kB \| +0\.110 \|/);
  const table = renderSpeedTable(report, plain);
  expect(table).toMatch(
    /\| sparse kernels +\| +8 ms ± 10 % \| +0\.8 ms ± 10 % \| +1,250 ± 10 % \| +2\.50x \| +1,250 ± 10 % \| +2\.50x \| +97\.00 % \|/,
  );
  expect(table).toMatch(/\| ONNX .*\| +0\.50x \| +\|/);
  const untested = { ...report, rows: report.rows.map(({ accuracy: _, ...rest }) => rest) };
  expect(renderSpeedTable(untested, plain)).not.toContain("accuracy");
});

test("the adapter, a shared machine and the rounds are named", () => {
  expect(conditionsOf(report)).toBe(
    "llvmpipe (software), 2 cores, shared machine: load 3.3 before the rounds; 9 interleaved rounds after a warm-up: median ± half the distance of the quartiles",
  );
  expect(conditionsOf({ ...report, software: false, systemLoad: 0.1 })).toMatch(/^llvmpipe, 2 cores; 9 /);
});

test("the page is one document without scripts or addresses, with a bar for each way", () => {
  const page = speedPage(report);
  expect(page).not.toMatch(/<script|<link|src=|url\(/);
  expect(page).toContain("runs/&lt;a&gt;: 90.00 % zeros");
  expect(page).toContain("prefers-color-scheme: dark");
  expect(page).toContain("@media print");
  const charts = page.match(/<svg/g)!;
  // Bytes, two batch sizes, latency, load time.
  expect(charts).toHaveLength(5);
  expect(page.match(/fill="var\(--bar\)"/g)!.length + page.match(/fill="var\(--first\)"/g)!.length).toBe(2 + 4 * 2);
  expect(page.match(/fill="var\(--other\)"/g)).toHaveLength(4);
  expect(page).toContain("1,250, 2.50x");
  expect(page).toContain("44.0 kB, 0.110 of dense");
  expect(page).toContain("sparse kernels: block 8 in 1 layer.");
  expect(page).toContain("no compact form: dead");
});
