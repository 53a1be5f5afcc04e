// Learned thresholds, one per layer: STR's d = sigmoid(s) and LTP's tau. The gradient of a step moves them before the fused
// update reads them.
import stepWgsl from "../../shaders/learned_threshold_step.wgsl";
import sumsWgsl from "../../shaders/learned_threshold_sums.wgsl";
import { groups1d, kernel } from "../gpu/index.ts";
import { allocate, partOf, persistent, type Tensor } from "../tensor/index.ts";
import { LAYER, layerWord } from "./hyper.ts";
import { type ArenaChunk, SEGMENT } from "./param_arena.ts";
import type { GroupSettings } from "./sgd_options.ts";

const sumsKernel = kernel("learned_threshold_sums", sumsWgsl);
const stepKernel = kernel("learned_threshold_step", stepWgsl);

/** The learned threshold of a layer. */
export interface LearnedThreshold {
  /** Threshold on |w|: d of STR, sqrt(tau) of LTP. */
  readonly threshold: number;
  /** Width T of LTP's gate, in units of w². */
  readonly temperature: number | null;
  /**
   * LTP: how often the step limit acted of late, a mean over about 50 steps. 1: it cut every rise; -1: it cut every fall; 0: it did
   * not act, or as often on one side as on the other. Null for STR.
   */
  readonly limited: number | null;
}

/** Sums over the weights of a chunk, several for each layer. */
export interface LayerSums {
  /** Number of sums of each layer, in order. */
  readonly counts: readonly number[];
  /** Enqueue the sums into `sums`, [all, 4] f32. */
  run(sums: Tensor): void;
}

/** Return the sums over the segments of a chunk. */
function segmentSums(chunk: ArenaChunk, mode: "str" | "ltp"): LayerSums {
  const { gradient, theta, segmentTable, hyper, parts, params } = chunk;
  return {
    counts: params.map((p) => Math.ceil(p.numel / SEGMENT)),
    run(sums) {
      for (const part of parts) {
        const of = (t: Tensor) => partOf(t, part);
        sumsKernel.run({
          bind: { gradient: of(gradient), latent: of(theta), segment: of(segmentTable), hyper, sums: of(sums) },
          params: { segments: part.rows },
          spec: { LTP: mode === "ltp" },
          grid: groups1d(part.rows),
        });
      }
    },
  };
}

export class LearnedThresholds {
  private readonly chunk: ArenaChunk;
  private readonly mode: "str" | "ltp";
  private readonly parts: LayerSums;
  private readonly sums: Tensor;
  /** [layers, 4] u32: first sum, sums, weights. */
  private readonly table: Tensor;

  /** `parts`: what the sums are over; default: each segment. */
  constructor(chunk: ArenaChunk, options: GroupSettings, parts?: LayerSums) {
    this.chunk = chunk;
    this.mode = options.mode as "str" | "ltp";
    this.parts = parts ?? segmentSums(chunk, this.mode);
    let all = 0;
    const rows = this.parts.counts.flatMap((count, i) => {
      all += count;
      return [all - count, count, chunk.params[i]!.numel, 0];
    });
    this.sums = allocate([all, 4], "f32", { persistent: true, scoped: false });
    this.table = persistent(Uint32Array.from(rows), [chunk.layers, 4]);
    const words = new Uint32Array(layerWord(chunk.layers));
    if (this.mode === "str") {
      const { start } = options.str;
      const d = 1 / (1 + Math.exp(-start));
      for (let i = 0; i < chunk.layers; i++)
        LAYER.write(words, { now: [d, 0], next: [d, 0], raw: start }, layerWord(i));
    }
    chunk.hyper.set(new Float32Array(words.buffer));
  }

  /**
   * Enqueue: move the thresholds by this step's gradient, which may be that of a scaled loss; or with "rest" only recompute what
   * depends on the weights.
   */
  step(guard: Tensor, task: "step" | "rest", scaled = false): void {
    const { hyper, layers } = this.chunk;
    this.parts.run(this.sums);
    stepKernel.run({
      bind: { sums: this.sums, layer: this.table, hyper, guard },
      params: { rest: task === "rest" ? 1 : 0 },
      spec: { LTP: this.mode === "ltp", SCALED: scaled },
      grid: [layers],
    });
  }

  /** Read the thresholds in force from the values of `chunk.hyper`. */
  pick(hyper: ArrayLike<number>): LearnedThreshold[] {
    return Array.from({ length: this.chunk.layers }, (_, i) => {
      const at = (field: string, k = 0) => hyper[layerWord(i) + LAYER.wordOf(field) + k]!;
      if (this.mode === "str") return { threshold: at("next"), temperature: null, limited: null };
      return { threshold: Math.sqrt(at("next")), temperature: at("next", 1), limited: at("limited") };
    });
  }

  dispose(): void {
    this.sums.dispose();
    this.table.dispose();
  }
}
