// Steps on gradients of a scaled loss, for tests of update rules.
import { expect } from "vitest";
import type { Parameter } from "../../src/nn/index.ts";
import { LossScale, type SGD } from "../../src/optim/index.ts";
import { randomArray } from "../support/random.ts";

const SCALE = 2 ** 10;
const STEPS = 6;

function arrive(p: Parameter, g: Float32Array): void {
  p.grad!.set(g);
  p.gradArrived = true;
}

/**
 * Train two parameters by the same gradients, with a loss scale and without, and require the same bits. With it a further step
 * overflows, and must change nothing. `make`: a new parameter and its optimiser; `before`: called before each step.
 */
export async function expectScaledBits(
  make: () => { readonly p: Parameter; readonly sgd: SGD },
  before: (sgd: SGD, step: number) => void = () => {},
): Promise<void> {
  const run = async (scaled: boolean) => {
    const { p, sgd } = make();
    const scale = scaled ? new LossScale(sgd, { initial: SCALE }) : null;
    for (let t = 0; t < STEPS; t++) {
      before(sgd, t);
      arrive(
        p,
        randomArray(p.numel, t).map((x) => (scaled ? x * SCALE : x)),
      );
      sgd.step();
    }
    if (scaled) {
      const kept = await p.data();
      const bad = randomArray(p.numel, 9);
      bad[p.numel - 1] = Number.POSITIVE_INFINITY;
      arrive(p, bad);
      sgd.step();
      expect(await p.data()).toEqual(kept);
    }
    const w = await p.data();
    scale?.dispose();
    sgd.dispose();
    p.dispose();
    return w;
  };
  expect(await run(true)).toEqual(await run(false));
}
