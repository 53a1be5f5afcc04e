// Trains LeNet-BN for a few steps on made-up digits, with public names only. Runs in Node, Deno, Bun and pages.
import { captureStep, crossEntropy, manualSeed, SGD, Tape } from "espalier";
import { LeNetBN } from "espalier/models";

const BATCH = 16;
const PIXELS = 28 * 28;

/** Return an image in which every `label + 2`-th pixel is white. */
const drawn = (label) => Array.from({ length: PIXELS }, (_, i) => (i % (label + 2) === 0 ? 1 : 0));

/** Train on one batch. Returns the loss of each step. */
export async function train(steps = 8) {
  manualSeed(0);
  const model = new LeNetBN();
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const step = captureStep(({ x, y }) => {
    const tape = new Tape();
    const loss = tape.keep(crossEntropy(model.forward(x), y));
    tape.backward(loss);
    optimizer.step();
    tape.dispose();
    return { loss };
  });
  const labels = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
  const images = Float32Array.from([...labels].flatMap(drawn));
  const losses = [];
  for (let i = 0; i < steps; i++) {
    step.run({ x: { data: images, shape: [BATCH, 1, 28, 28] }, y: { data: labels, shape: [BATCH] } });
    losses.push((await step.outputs.loss.data())[0]);
  }
  return losses;
}
