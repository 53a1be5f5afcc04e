// A target sparsity for learned thresholds: a controller moves STR's decay or LTP's price while the run prunes.
import knobWgsl from "../../shaders/steer_knob.wgsl";
import { type Bindable, expectOptions, kernel, readStruct } from "../gpu/index.ts";
import { copyBytes, persistent, stretch, type Tensor } from "../tensor/index.ts";
import { checksOf } from "../text/index.ts";

const check = checksOf("steered knob");

const knobKernel = kernel("steer_knob", knobWgsl);
/** No limit, in f32. */
const MOST = 3e38;
const CONTROL = readStruct("steer_knob", knobWgsl, "Control");

/** Counts of a chunk of parameters, and where its number goes. */
export interface KnobChunk {
  /** [layers] u32 or more: weights of each layer that are not zero, by the last update. */
  readonly counts: Tensor;
  readonly layers: number;
  /** [1] f32: the number of the next step. */
  readonly target: Bindable;
}

/** Options of `SteeredKnob`. */
export interface KnobOptions {
  /** First value of the knob, > 0. */
  readonly start: number;
  /** Largest value before the first step; default: none. */
  readonly most?: number | undefined;
  /** Factor from the knob to the optimiser's number; default 1. */
  readonly unit?: number | undefined;
}

/**
 * Steer the count of live weights along a curve by one number, which prunes more the larger it is:
 *
 *     e = ln(live / aim);   bias += 20 e dx;   knob = start · exp(bias + 8 e)
 *
 * Cost     one invocation reads a count per layer and step. Nothing waits for the GPU.
 * Resume   call `state.set(...)` with the state of the checkpoint. Later steps have the same bits.
 * Errors   ArgumentError naming the option, the expected and the actual value.
 */
export class SteeredKnob {
  /** Persistent, [4] f32: the optimiser's number, the knob, bias, live weights. For checkpoints. */
  readonly state: Tensor;
  private readonly chunks: readonly KnobChunk[];
  private readonly numbers: { readonly start: number; readonly unit: number };
  private readonly most: number;
  private readonly control: Tensor;

  constructor(chunks: readonly KnobChunk[], options: KnobOptions) {
    expectOptions("SteeredKnob", options, { start: true, most: true, unit: true });
    const { start, most = MOST, unit = 1 } = options;
    check("chunks", "at least one", chunks.length, chunks.length > 0);
    for (const [key, value] of Object.entries({ start, most, unit }))
      check(key, "a finite number > 0", value, Number.isFinite(value) && value > 0);
    for (const { target } of chunks) check("a target", "1 f32", `${target.view.bytes} bytes`, target.view.bytes === 4);
    this.chunks = chunks;
    this.numbers = { start: Math.min(start, most), unit };
    this.most = most;
    this.state = persistent(Float32Array.of(this.numbers.start * unit, this.numbers.start, 0, 0), [4]);
    this.control = persistent(new Uint32Array(CONTROL.bytes / 4), [CONTROL.bytes / 4]);
  }

  /**
   * Move the knob before a step and write its number to the targets. Call it outside a captured step.
   *
   * Units    aim: count of live weights, > 0; dx: progress of a step. `moves`: false while no update has counted;
   *          `most`: largest value from here on, that of the options by default.
   * Errors   ArgumentError for another count or progress, CaptureError while a step is captured.
   */
  step(aim: number, dx: number, moves = true, most = this.most): void {
    check("aim", "a number > 0", aim, aim > 0);
    check("dx", "a number from 0 to 1", dx, dx >= 0 && dx <= 1);
    // Not kernel parameters: each distinct set of those takes a uniform slot, and these never repeat.
    this.control.set(CONTROL.pack({ aim, dx, moves: Number(moves), most: Math.min(most, MOST) }));
    const { state, control, chunks } = this;
    chunks.forEach(({ counts, layers }, i) => {
      const ends = { first: Number(i === 0), last: Number(i === chunks.length - 1) };
      knobKernel.run({ bind: { control, counts, state }, params: { layers, ...ends, ...this.numbers }, grid: [1] });
    });
    for (const { target } of chunks) copyBytes(target, stretch(state, 0, 1));
  }

  /** Free its memory. */
  dispose(): void {
    this.state.dispose();
    this.control.dispose();
  }
}
