// Compares every kernel, optimiser and training loop with reference numbers in float64 (tools/golden).
import { expect, test } from "vitest";
import { currentGpu, setCurrentGpu } from "../src/gpu/index.ts";
import { allHandlers } from "../tools/golden/handlers.ts";
import { asHardware } from "../tools/golden/hardware.ts";
import { runFixtures } from "../tools/golden/runner.ts";
import { runSchedules } from "../tools/golden/schedules.ts";
import { fetchBytes } from "./support/fetch_bytes.ts";

const groups = [
  "conv2d",
  "norm",
  "linear",
  "pool",
  "elementwise",
  "reduce",
  "losses",
  "sparse_ops",
  "structured",
  "optim",
  "optim_adaptive",
  "spiking",
  "end_to_end",
  "events",
] as const;

// Files that fixtures refer to, all in one folder that is named here, so that the browser's bundler finds them.
const besideFixture = (path: string) =>
  fetchBytes(new URL(`./golden/events/${path.replace(/^events\//, "")}`, import.meta.url));

for (const group of groups) {
  test(`golden ${group}`, async () => {
    const bytes = await fetchBytes(new URL(`./golden/${group}.safetensors`, import.meta.url));
    const { cases } = await runFixtures(bytes, group, allHandlers, besideFixture);
    const problems = cases.filter((c) => c.status === "failed").map((c) => `${c.name}: ${c.reason}`);
    expect(problems).toEqual([]);
    const refused = cases.filter((c) => c.status === "unsupported");
    expect(refused.map((c) => `${c.name}: ${c.reason}`)).toEqual([]);
    expect(cases.length).toBeGreaterThan(2);
  });
}

// Convolutions and products by tiles in workgroup memory, and updates with their loads in one row; software adapters have others.
for (const group of ["conv2d", "linear", "optim_adaptive", "end_to_end"] as const) {
  test(`golden ${group} with the kernels of a GPU`, async () => {
    const usual = currentGpu();
    try {
      asHardware(usual);
      const bytes = await fetchBytes(new URL(`./golden/${group}.safetensors`, import.meta.url));
      const { cases } = await runFixtures(bytes, group, allHandlers, besideFixture);
      expect(cases.filter((c) => c.status !== "passed").map((c) => `${c.name}: ${c.reason}`)).toEqual([]);
    } finally {
      setCurrentGpu(usual);
    }
  });
}

test("golden schedules", async () => {
  const bytes = await fetchBytes(new URL("./golden/schedules.json", import.meta.url));
  const { cases } = runSchedules(JSON.parse(new TextDecoder().decode(bytes)), "schedules.json");
  expect(cases.filter((c) => c.status !== "passed")).toEqual([]);
  expect(cases.length).toBe(12);
});

test("a run of fixtures leaves no tensor behind", async () => {
  const bytes = await fetchBytes(new URL("./golden/linear.safetensors", import.meta.url));
  const live = currentGpu().memory().live;
  await runFixtures(bytes, "linear", allHandlers);
  expect(currentGpu().memory().live).toBe(live);
});
