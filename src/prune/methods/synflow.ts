// SynFlow: before training and without data, cut the weights through which least flows (Tanaka et al. 2020).
//     R = the sum of the outputs for an input of ones, of the network with |w| for its weights and without its biases
//     score = |w| · dR/d|w|;   in rounds r = 1 .. n, cut the smallest scores of all layers, down to the share kept^(r / n)
// Rounds keep layers alive: the scores that enter a unit equal those that leave it, so a layer with few weights has large scores.
// The network is in evaluation mode; batch norm scales by |gamma| / sigma only. R is then linear in the input. It can exceed f32 in
// deep networks, so powers of two scale the input and the gradient at the output: exact, and without effect on the order of scores.
import type { Module, StateDict } from "../../nn/index.ts";
import { mul } from "../../ops/binary.ts";
import { sum } from "../../ops/sum.ts";
import { copyInto, persistent, scalar, type Tensor, tensor, tidy } from "../../tensor/index.ts";
import { ArgumentError } from "../../text/index.ts";
import { check, type PruneConfig, targetOf } from "../config.ts";
import { cutSmallest } from "../cut.ts";
import { MagnitudeSelect } from "../magnitude_select.ts";
import { noThreshold, type PruningMethod, type PruningRun } from "../method.ts";
import { cutPlaces, prunedArenas, prunedParameters, shareOfPruned } from "./pruned.ts";
import { smallest } from "./snip.ts";

export function synflow(config: PruneConfig): PruningMethod {
  const { rounds = 100 } = config;
  check("rounds", "an integer >= 1", rounds, Number.isInteger(rounds) && rounds >= 1);
  const target = targetOf(config, "synflow");
  return {
    ...noThreshold,
    name: "synflow",
    group: { mode: "inplace" },
    phase: () => "mask",
    isFrozen: () => true,
    begin({ sample: { dtype } }) {
      if (dtype !== "f32") throw new ArgumentError(`synflow: expected samples of f32 numbers, got ${dtype}`);
    },
    async prepare(run) {
      const { model, optimizer } = run;
      const params = prunedParameters(optimizer);
      const share = shareOfPruned(target, model, prunedArenas(optimizer));
      const first = await model.stateDict();
      const weights = await Promise.all(params.map((p) => p.data() as Promise<Float32Array>));
      model.loadStateDict(linearised(model, first));
      model.eval();
      using flow = new Flow(run);
      for (let r = 1; r < rounds; r++) {
        await flow.measure();
        flow.cut(1 - (1 - share) ** (r / rounds));
      }
      const places = smallest(await flow.scores(), share);
      model.loadStateDict(first);
      model.train();
      optimizer.reset();
      cutPlaces(params, weights, places);
    },
  };
}

/** Return the state of the network in which |w| flows: no negative weight, no bias and no mean of batch norm. */
export function linearised(model: Module, state: StateDict): StateDict {
  const prunable = new Set([...model.namedParameters()].filter(([, p]) => p.prunable).map(([name]) => name));
  const of = (name: string, values: Float32Array) => {
    if (/(^|\.)(bias|running_mean)$/.test(name)) return new Float32Array(values.length);
    return prunable.has(name) || /(^|\.)weight$/.test(name) ? values.map(Math.abs) : values;
  };
  return new Map([...state].map(([name, t]) => [name, { ...t, data: of(name, t.data as Float32Array) }]));
}

/** R is from 1 / RANGE to RANGE, so that f32 holds it. */
const RANGE = 2 ** 120;
/** Factor from one scale of the input to the next, and the number of scales to try: R of 2^-240 to 2^240 for ones can be computed. */
const SHIFT = 2 ** 30;
const TRIES = 5;

/** The synaptic flow of a linearised model. */
export class Flow implements Disposable {
  private readonly run: PruningRun;
  private readonly chunks;
  private readonly products: readonly Tensor[];
  private readonly select: MagnitudeSelect;
  private readonly upstream = scalar(1);
  private scale = 1;

  constructor(run: PruningRun) {
    this.run = run;
    this.chunks = run.optimizer.groups.filter((g) => g.options.mode !== "none").flatMap((g) => g.chunks);
    this.products = this.chunks.map(({ theta }) => persistent(new Float32Array(theta.numel), theta.shape, true));
    const arenas = prunedArenas(run.optimizer);
    this.select = new MagnitudeSelect(
      arenas.map((arena, k) => ({ ...arena, values: this.products[k]! })),
      { scope: "all" },
    );
  }

  /** Return R for an input of `scale` in place of one. */
  private output(): Tensor {
    const { model, sample } = this.run;
    const count = sample.shape.reduce((n, d) => n * d, 1);
    const x = tensor(new Float32Array(count).fill(this.scale), [1, ...sample.shape]);
    return sum(model.forward(x) as Tensor);
  }

  /**
   * Enqueue the scores w · dR/dw, times a power of two. Returns R and its scale: R of the paper is their quotient. Waits for the
   * GPU. Errors: ArgumentError if nothing flows, or R has no scale in f32.
   */
  async measure(): Promise<{ readonly flow: number; readonly scale: number }> {
    let flow = 0;
    for (let tries = 0; tries < TRIES; tries++) {
      flow = await this.read();
      if (flow >= 1 / RANGE && flow <= RANGE) {
        this.enqueue(flow);
        return { flow, scale: this.scale };
      }
      // Infinite sums give NaN in some layers.
      this.scale *= flow < 1 / RANGE ? SHIFT : 1 / SHIFT;
    }
    const problem = `expected a flow from the input to the output, got ${flow} at scale ${this.scale}`;
    throw new ArgumentError(`synflow: ${problem}`);
  }

  private enqueue(flow: number): void {
    const { optimizer, differentiate } = this.run;
    // The scores of a layer add up to about the flow at the output times this.
    this.upstream.set(2 ** -Math.round(Math.log2(flow)));
    optimizer.zeroGrad();
    differentiate(() => this.output(), this.upstream);
    optimizer.zeroGrad();
    tidy(() => {
      this.chunks.forEach(({ theta, gradient }, k) => {
        copyInto(this.products[k]!, mul(theta, gradient));
      });
    });
  }

  private async read(): Promise<number> {
    const flow = tidy(() => this.output());
    const value = await flow.item();
    flow.dispose();
    return value;
  }

  /** Enqueue: cut the smallest scores of all layers, down to this share of zeros. Weights that were cut before are among them. */
  cut(share: number): void {
    const { select, chunks } = this;
    select.setRanks([Math.floor(share * select.elements[0]!)]);
    select.run();
    cutSmallest(
      select,
      select.arenas.map((arena, k) => ({ ...arena, velocity: chunks[k]!.theta })),
    );
  }

  /** Measure, and return the scores of each parameter: -1 for weights that were cut, so that they remain the smallest. */
  async scores(): Promise<Float64Array[]> {
    await this.measure();
    const all: Float64Array[] = [];
    for (const [k, chunk] of this.chunks.entries()) {
      for (const [i, p] of chunk.params.entries()) {
        using slice = chunk.slice(this.products[k]!, i, p.shape);
        const [found, weights] = await Promise.all([slice.data(), p.data()]);
        if (found.some((v) => !Number.isFinite(v)))
          throw new ArgumentError("synflow: expected finite scores, got an overflow of f32");
        all.push(Float64Array.from(found, (v, at) => (weights[at] === 0 ? -1 : v)));
      }
    }
    return all;
  }

  dispose(): void {
    this.select.dispose();
    this.upstream.dispose();
    for (const t of this.products) t.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
