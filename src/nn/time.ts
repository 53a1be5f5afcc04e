// Time in spiking networks: layers without state see the T steps of [T, N, ...] as so many more images.
import { OpError } from "../gpu/index.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";

/** [T, N, ...] -> [T*N, ...], without a copy. */
export function foldTime(x: Tensor): Tensor {
  const [steps, batch, ...rest] = x.shape;
  if (steps === undefined || batch === undefined) throw new OpError("foldTime", "x wants [T, N, ...]", { x });
  return reshape(x, { shape: [steps * batch, ...rest] });
}

/** [T*N, ...] -> [T, N, ...], without a copy. Throws OpError where T does not divide the first axis. */
export function unfoldTime(x: Tensor, timeSteps: number): Tensor {
  const [folded = 0, ...rest] = x.shape;
  if (!Number.isInteger(timeSteps) || timeSteps < 1 || folded % timeSteps !== 0) {
    throw new OpError("unfoldTime", `timeSteps wants a divisor of the first axis, was given ${timeSteps}`, { x });
  }
  return reshape(x, { shape: [timeSteps, folded / timeSteps, ...rest] });
}
