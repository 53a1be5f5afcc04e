// A small synthetic result for the tests of readers of results.
import { FORMAT, type KernelResult, type Results, type VariantResult } from "../../bench/lib/results.ts";

export function variant(name: string, ms: number, more: Partial<VariantResult> = {}): VariantResult {
  return {
    name,
    ms,
    spread: 0.01,
    rounds: [ms, ms, ms],
    repeats: 4,
    clock: "queue",
    ratio: 1,
    compileMs: 12,
    deviation: 1e-7,
    ...more,
  };
}

export function kernelResult(group: string, name: string, variants: VariantResult[], work = {}): KernelResult {
  return { kind: "kernel", group, name, flops: 2e9, bytes: 1e7, variants, ...work };
}

/** Copy 10 GB/s, multiply-add 100 GFLOP/s: the ridge is at 10 operations a byte. */
export function sample(cases: Results["cases"] = [], more: Partial<Results> = {}): Results {
  return {
    format: FORMAT,
    complete: true,
    started: "2026-01-02T03:04:05.000Z",
    commit: "abc",
    versions: { node: "20", webgpu: null },
    adapter: {
      vendor: "mesa",
      architecture: "software",
      device: "",
      description: "a test adapter",
      software: true,
      subgroupSize: 8,
      features: ["subgroups"],
    },
    settings: { rounds: 3, budget: 10, roundMs: 30, clock: "queue", filter: [], large: false, shaderCache: true },
    gauge: {
      copyGBs: 10,
      fmaGFlops: 100,
      copies: [{ bytes: 4096, perThread: 1, gbs: 10 }],
      chains: [{ chains: 8, gflops: 100 }],
    },
    cases,
    ...more,
  };
}
