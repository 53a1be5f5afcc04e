// The layer table, in a file and on a terminal.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LayerRow, renderLayerTable } from "../../src/report/layer_table.ts";
import { printable, terminalStyle } from "../../src/terminal/terminal.ts";

const layers: LayerRow[] = [
  { name: "conv1.weight", shape: [6, 1, 5, 5], zeros: 30 },
  { name: "fc1.weight", shape: [120, 400], zeros: 47_999 },
  { name: "fc2.weight", shape: [10, 120], zeros: 0, dense: true },
];
const pipe = { screen: { isTTY: false }, env: {} };
const terminal = { screen: { isTTY: true }, env: {} };

describe("renderLayerTable", () => {
  test("is plain ASCII in a pipe", () => {
    expect(renderLayerTable(layers, pipe)).toBe(
      [
        "+--------------+----------+---------+--------+--------------+",
        "| layer        | shape    | weights |  zeros |     sparsity |",
        "+--------------+----------+---------+--------+--------------+",
        "| conv1.weight | 6x1x5x5  |     150 |     30 |      20.00 % |",
        "| fc1.weight   | 120x400  |  48,000 | 47,999 |      99.99 % |",
        "| fc2.weight   | 10x120   |   1,200 |      0 | dense 0.00 % |",
        "+--------------+----------+---------+--------+--------------+",
        "| total        | 3 layers |  49,350 | 48,029 |      97.32 % |",
        "+--------------+----------+---------+--------+--------------+",
        "1,321 of 49,350 weights left, 37.4x fewer",
      ].join("\n"),
    );
  });

  test("has the share of zero groups, for layers that have groups", () => {
    const grouped = [
      { name: "conv1.weight", shape: [8, 3, 1, 1], zeros: 0 },
      { name: "fc1.weight", shape: [16, 4], zeros: 40, groups: 8, zeroGroups: 5 },
    ];
    expect(renderLayerTable(grouped, pipe).split("\n").slice(1, 7)).toEqual([
      "| layer        | shape    | weights | zeros | sparsity | zero groups |",
      "+--------------+----------+---------+-------+----------+-------------+",
      "| conv1.weight | 8x3x1x1  |      24 |     0 |   0.00 % |             |",
      "| fc1.weight   | 16x4     |      64 |    40 |  62.50 % |     62.50 % |",
      "+--------------+----------+---------+-------+----------+-------------+",
      "| total        | 2 layers |      88 |    40 |  45.45 % |     62.50 % |",
    ]);
  });

  test("has boxes and colours on a terminal, only boxes with NO_COLOR, neither on a dumb terminal", () => {
    const colored = renderLayerTable(layers, terminal);
    expect(colored).toContain("\u001b[");
    expect(colored).toContain("6×1×5×5");
    const plain = renderLayerTable(layers, { ...terminal, env: { NO_COLOR: "1" } });
    expect(plain).not.toContain("\u001b");
    expect(plain).toContain("┌");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    expect(colored.replaceAll(/\u001b\[\d+m/g, "")).toBe(plain);
    expect(renderLayerTable(layers, { ...terminal, env: { TERM: "dumb" } })).toBe(renderLayerTable(layers, pipe));
    expect(renderLayerTable(layers, { ...terminal, env: { NO_COLOR: "" } })).toBe(colored);
  });

  test("marks a layer without any weight left, and shows 100 % only for it", () => {
    const text = renderLayerTable(
      [
        { name: "a", shape: [1000, 1000], zeros: 999_999 },
        { name: "b", shape: [4], zeros: 4 },
      ],
      pipe,
    );
    expect(text).toContain(" 99.99 % |");
    expect(text).toContain("all zero 100.00 %");
    expect(text.match(/100\.00/g)).toHaveLength(1);
    expect(renderLayerTable([{ name: "b", shape: [4], zeros: 4 }], pipe)).toContain("0 of 4 weights left");
  });

  test("is a rectangle with the sum as total, for any layers", () => {
    const row = fc.tuple(
      fc.string(),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (rows) => {
        const made = rows.map(([name, shape, share]) => {
          const weights = shape.reduce((a, b) => a * b, 1);
          return { name, shape, zeros: Math.floor(share * weights) };
        });
        const lines = renderLayerTable(made, pipe).split("\n");
        expect(lines).toHaveLength(rows.length + 7);
        expect(new Set(lines.slice(0, -1).map((l) => l.length)).size).toBe(1);
        const zeros = made.reduce((sum, l) => sum + l.zeros, 0);
        const cells = lines
          .at(-3)!
          .split("|")
          .map((c) => c.trim().replaceAll(",", ""));
        expect(Number(cells[4])).toBe(zeros);
      }),
      { numRuns: 60 },
    );
  });

  test("refuses impossible counts and shapes", () => {
    expect(() => renderLayerTable([{ name: "w", shape: [2, 2], zeros: 5 }])).toThrow(
      "layer table: w: expected 0 to 4 zeros, got 5",
    );
    expect(() => renderLayerTable([{ name: "w", shape: [2, 0.5], zeros: 0 }])).toThrow(
      "layer table: w: expected a shape of integers >= 1, got [2,0.5]",
    );
  });

  test("totals an empty list as 0 layers", () => {
    expect(renderLayerTable([], pipe)).toContain("| total | 0 layers |");
  });
});

describe("terminal", () => {
  test("removes control characters from names", () => {
    expect(printable("a\u001b[2Jb\nc\u202ed")).toBe("a?[2Jb?c?d");
    expect(renderLayerTable([{ name: "x\u001b[31m", shape: [1], zeros: 0 }], pipe)).not.toContain("\u001b");
  });
  test("chooses its style by the stream and the environment", () => {
    expect(terminalStyle({ isTTY: true }, {})).toEqual({ interactive: true, color: true });
    expect(terminalStyle({ isTTY: true }, { NO_COLOR: "yes" })).toEqual({ interactive: true, color: false });
    expect(terminalStyle({}, {})).toEqual({ interactive: false, color: false });
  });
});
