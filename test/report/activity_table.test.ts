// The activity table, in a file and on wide and narrow terminals.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NetworkActivity } from "../../src/internal.ts";
import { joules, renderActivityTable } from "../../src/report/activity_table.ts";

const spiking: NetworkActivity = {
  samples: 1000,
  timeSteps: 4,
  spiking: [
    {
      name: "lif1",
      type: "LIFNode",
      order: 1,
      neurons: 12_544,
      timeSteps: 4,
      rate: 0.1234,
      spikes: 6191.7,
      silent: 40,
    },
  ],
  weighted: [
    {
      name: "conv1",
      kind: "conv",
      order: 0,
      weights: 144,
      nonzero: 144,
      denseMacs: 112_896,
      annMacs: 112_896,
      input: "analog",
      operations: 108_000,
    },
    {
      name: "fc",
      kind: "linear",
      order: 2,
      weights: 125_440,
      nonzero: 12_544,
      denseMacs: 501_760,
      annMacs: 125_440,
      input: "spikes",
      operations: 6_201.4,
    },
  ],
  total: {
    weights: 125_584,
    nonzero: 12_688,
    denseMacs: 614_656,
    annMacs: 238_336,
    macs: 108_000,
    synOps: 6_201.4,
    neurons: 12_544,
    rate: 0.1234,
    energy: 502_381.26,
    annEnergy: 1_096_345.6,
  },
};
const plain: NetworkActivity = {
  samples: 1,
  timeSteps: 1,
  spiking: [],
  weighted: [{ ...spiking.weighted[0]!, operations: 112_896 }],
  total: {
    ...spiking.total,
    denseMacs: 112_896,
    annMacs: 112_896,
    macs: 112_896,
    synOps: 0,
    neurons: 0,
    rate: null,
    energy: 519_321.6,
    annEnergy: 519_321.6,
  },
};
const pipe = { screen: { isTTY: false }, env: {} };
const terminal = (columns?: number) => ({ screen: { isTTY: true, columns }, env: { NO_COLOR: "1" } });
const width = (text: string) => Math.max(...text.split("\n").map((l) => l.length));

describe("renderActivityTable", () => {
  test("is plain ASCII in a pipe at any width", () => {
    const text = renderActivityTable(spiking, { ...pipe, screen: { isTTY: false, columns: 20 } });
    expect(text).toBe(renderActivityTable(spiking, pipe));
    expect(text).toMatch(/^[\x20-\x7e\n]+$/);
    expect(text.split("\n")).toMatchInlineSnapshot(`
      [
        "+-------+----------+-------------+----------+------------+-------------+",
        "| layer | kind     | firing rate |  nonzero | dense MACs |  operations |",
        "+-------+----------+-------------+----------+------------+-------------+",
        "| conv1 | conv     |             | 100.00 % |    112,896 | 108,000 MAC |",
        "| lif1  | LIFNode  |     12.34 % |          |            |             |",
        "| fc    | linear   |             |  10.00 % |    501,760 |   6,201 AC  |",
        "+-------+----------+-------------+----------+------------+-------------+",
        "| total | 3 layers |     12.34 % |  10.10 % |    614,656 |   6,201 AC  |",
        "|       |          |             |          |            | 108,000 MAC |",
        "+-------+----------+-------------+----------+------------+-------------+",
        "per sample, all 4 steps: mean of 1,000. AC: accumulate (input of spikes), MAC: multiply-accumulate",
        "40 of 12,544 neurons never fired",
        "energy of the weights' arithmetic (45 nm estimate): 502 nJ = 108 k MAC x 4.6 pJ + 6.2 k AC x 0.9 pJ",
        "dense, without spikes, one step: 1.1 uJ = 238 k MAC x 4.6 pJ, 2.18x as much",
      ]
    `);
  });

  test("shows only multiply-accumulates for a network without spikes", () => {
    const text = renderActivityTable(plain, pipe);
    expect(text.split("\n")).toMatchInlineSnapshot(`
      [
        "+-------+---------+----------+------------+-------------+",
        "| layer | kind    |  nonzero | dense MACs |  operations |",
        "+-------+---------+----------+------------+-------------+",
        "| conv1 | conv    | 100.00 % |    112,896 | 112,896 MAC |",
        "+-------+---------+----------+------------+-------------+",
        "| total | 1 layer |  10.10 % |    112,896 | 112,896 MAC |",
        "+-------+---------+----------+------------+-------------+",
        "per sample: mean of 1. AC: accumulate (input of spikes), MAC: multiply-accumulate",
        "energy of the weights' arithmetic (45 nm estimate): 519 nJ = 113 k MAC x 4.6 pJ",
        "dense, without spikes, one step: 519 nJ = 113 k MAC x 4.6 pJ",
      ]
    `);
  });

  test("has boxes and colours on a terminal", () => {
    const colored = renderActivityTable(spiking, { screen: { isTTY: true }, env: {} });
    expect(colored).toContain("\u001b[");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    expect(colored.replaceAll(/\u001b\[\d+m/g, "")).toBe(renderActivityTable(spiking, terminal()));
    expect(renderActivityTable(spiking, terminal())).toContain("┌");
  });

  test("rounds numbers, then drops the kinds, on a narrow terminal", () => {
    expect(renderActivityTable(spiking, terminal(200))).toContain("501,760");
    const medium = renderActivityTable(spiking, terminal(71));
    expect(width(medium.split("per sample")[0]!)).toBe(71);
    expect(medium).toContain("502 k");
    expect(medium).toContain("LIFNode");
    const narrow = renderActivityTable(spiking, terminal(60));
    expect(width(narrow)).toBeLessThanOrEqual(60);
    expect(narrow).not.toContain("LIFNode");
  });

  test("removes control characters from names, and totals no layers as 0", () => {
    const odd = { ...spiking, spiking: [{ ...spiking.spiking[0]!, name: "a\u001b[2J" }] };
    expect(renderActivityTable(odd, pipe)).toContain("a?[2J");
    const none = {
      ...plain,
      weighted: [],
      total: { ...plain.total, macs: 0, annMacs: 0, denseMacs: 0, energy: 0, annEnergy: 0 },
    };
    expect(renderActivityTable(none, pipe)).toContain("| 0 layers |");
    expect(renderActivityTable(none, pipe)).not.toMatch(/NaN|undefined/);
  });

  test("fits a terminal of 72 columns for names of usual length", () => {
    const name = fc.stringMatching(/^[a-z0-9.]{1,12}$/);
    fc.assert(
      fc.property(name, fc.double({ min: 0, max: 1e14, noNaN: true }), (n, operations) => {
        const weighted = spiking.weighted.map((l) => ({ ...l, name: n, operations, denseMacs: operations }));
        const text = renderActivityTable({ ...spiking, weighted }, terminal(72));
        expect(width(text)).toBeLessThanOrEqual(72);
      }),
      { numRuns: 60, examples: [["..a...0a.0.0", 1.005e-6]] },
    );
  });
});

describe("joules", () => {
  test("uses the largest unit with a value of at least 1", () => {
    expect([0, 0.9, 532, 999.6, 1203, 5e5, 1.2e6, 3.4e9, 5e12, 7e16].map(joules)).toEqual([
      "0 pJ",
      "0.9 pJ",
      "532 pJ",
      "1 nJ",
      "1.2 nJ",
      "500 nJ",
      "1.2 uJ",
      "3.4 mJ",
      "5 J",
      "70000 J",
    ]);
  });
});
