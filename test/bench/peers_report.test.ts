// The comparison with other engines: ratios, the check of the numbers, and the table.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  deviationOf,
  fasterPeer,
  PEER_COLUMNS,
  PEERS_FORMAT,
  type PeersResults,
  peersMarkdown,
  ratioOf,
  ratioText,
  rowsOf,
  type SideResult,
  type WorkloadResult,
} from "../../bench/peers/report.ts";

function side(name: string, rounds: readonly number[], more: Partial<SideResult> = {}): SideResult {
  return {
    side: name,
    library: `${name} 1.0`,
    adapter: "an adapter",
    ms: [...rounds].sort((a, b) => a - b)[rounds.length >> 1] ?? 0,
    rounds,
    firstMs: 100,
    dispatches: name === "torch-cpu" ? null : 10,
    submits: name === "torch-cpu" ? null : 1,
    made: name === "torch-cpu" ? null : 0,
    deviation: 0,
    error: null,
    ...more,
  };
}

const result = (...sides: SideResult[]): WorkloadResult => ({ name: "matmul 256", tolerance: 1e-4, sides });

describe("ratios", () => {
  test("are ratios of the medians, with the quartiles of the pairs", () => {
    // Pairs 4, 5, 6; medians 10 and 2.
    expect(ratioOf([8, 10, 12], [2, 2, 2])).toEqual({ ratio: 5, low: 4.5, high: 5.5 });
    expect(ratioText({ ratio: 5, low: 4.5, high: 123.4 })).toBe("5x (4.5 - 123)");
  });

  test("do not depend on the unit of time", () => {
    const times = fc.array(fc.double({ min: 0.1, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(times, times, fc.double({ min: 0.01, max: 100, noNaN: true }), (peer, own, unit) => {
        const plain = ratioOf(peer, own);
        const scaled = ratioOf(
          peer.map((t) => t * unit),
          own.map((t) => t * unit),
        );
        expect(scaled.ratio / plain.ratio).toBeCloseTo(1, 9);
        expect(scaled.low / plain.low).toBeCloseTo(1, 9);
        expect(plain.low).toBeLessThanOrEqual(plain.high);
      }),
    );
  });

  test("compare with the faster of the other WebGPU engines", () => {
    const own = side("espalier", [2, 2, 2]);
    const cpu = side("torch-cpu", [1, 1, 1]);
    expect(fasterPeer(result(own, side("tfjs", [20, 20, 20]), side("jax-js", [10, 12, 8]), cpu))).toMatchObject({
      side: "jax-js",
      ratio: 5,
    });
    const failed = side("jax-js", [], { error: "no adapter" });
    expect(fasterPeer(result(own, side("tfjs", [20, 20, 20]), failed))).toMatchObject({ side: "tfjs", ratio: 10 });
    expect(fasterPeer(result(own, cpu))).toBeNull();
    expect(fasterPeer(result(side("tfjs", [1]), failed))).toBeNull();
  });
});

describe("the check of the numbers", () => {
  test("returns the largest distance as a share of each result's largest value", () => {
    const wanted = [Float32Array.of(1, -4), Float32Array.of(100)];
    expect(deviationOf(wanted, wanted)).toBe(0);
    expect(deviationOf([Float32Array.of(1, -3), Float32Array.of(110)], wanted)).toBeCloseTo(0.25, 6);
    expect(deviationOf([Float32Array.of(1, -4), Float32Array.of(150)], wanted)).toBeCloseTo(0.5, 6);
  });

  test("finds missing results, wrong lengths and NaN", () => {
    const wanted = [Float32Array.of(1, 2)];
    for (const given of [[], [Float32Array.of(1)], [...wanted, ...wanted], [Float32Array.of(1, Number.NaN)]]) {
      expect(deviationOf(given, wanted)).toBe(Number.POSITIVE_INFINITY);
    }
    // Zeros have no scale: any other value deviates infinitely.
    expect(deviationOf([Float32Array.of(0)], [Float32Array.of(0)])).toBe(0);
    expect(deviationOf([Float32Array.of(1e-9)], [Float32Array.of(0)])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the table", () => {
  const sides = [
    side("espalier", [2, 2, 2]),
    side("jax-js", [12, 12, 12], { deviation: 3.2e-7, made: 7 }),
    side("tfjs", [], { error: "no such kernel\nstack" }),
    side("torch-cpu", [1, 1, 1]),
  ];

  test("has a row per side, with the name of the workload once", () => {
    const rows = rowsOf(result(...sides));
    expect(rows.map((r) => r.length)).toEqual(rows.map(() => PEER_COLUMNS.length));
    expect(rows[0]).toEqual(["matmul 256", "espalier", "2", "", "100", "10", "1", "0", "0"]);
    expect(rows[1]).toEqual(["", "jax-js", "12", "6x (6 - 6)", "100", "10", "1", "7", "3.2e-7"]);
    expect(rows[2]?.slice(0, 3)).toEqual(["", "tfjs", "error: no such kernel"]);
    expect(rows[3]).toEqual(["", "torch-cpu", "1", "0.5x (0.5 - 0.5)", "100", "-", "-", "-", "0"]);
  });

  test("is written as Markdown, with adapter and versions", () => {
    const results: PeersResults = {
      format: PEERS_FORMAT,
      complete: true,
      started: "2026-01-02T03:04:05Z",
      commit: "abc",
      versions: {},
      settings: { rounds: 3, roundMs: 300, coldShaders: true, polling: "spin" },
      workloads: [result(...sides)],
    };
    const lines = peersMarkdown(results).split("\n");
    expect(lines[0]).toBe("espalier 1.0, jax-js 1.0, tfjs 1.0, torch-cpu 1.0; an adapter.");
    expect(lines[2]).toContain("3 interleaved rounds");
    expect(lines[2]).toContain(
      "empty shader caches, every library polling Dawn without pause. Started 2026-01-02T03:04:05Z, commit abc.",
    );
    const table = lines.filter((line) => line.startsWith("|"));
    expect(table).toHaveLength(2 + sides.length);
    expect(new Set(table.map((line) => line.split("|").length)).size).toBe(1);
  });
});
