// Time axis of spiking networks: stateless layers treat the T steps of [T, N, ...] as T·N images.
import { OpError } from "../gpu/index.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";

/** Reshape [T, N, ...] -> [T*N, ...], without a copy. Throws OpError for fewer than two axes. */
export function foldTime(x: Tensor): Tensor {
  const [steps, batch, ...rest] = x.shape;
  if (steps === undefined || batch === undefined) throw new OpError("foldTime", "expected x [T, N, ...]", { x });
  return reshape(x, { shape: [steps * batch, ...rest] });
}

/** Reshape [T*N, ...] -> [T, N, ...], without a copy. Throws OpError if T does not divide the first axis. */
export function unfoldTime(x: Tensor, timeSteps: number): Tensor {
  const [folded = 0, ...rest] = x.shape;
  if (!Number.isInteger(timeSteps) || timeSteps < 1 || folded % timeSteps !== 0)
    throw new OpError("unfoldTime", `timeSteps: expected a divisor of the first axis, got ${timeSteps}`, { x });
  return reshape(x, { shape: [timeSteps, folded / timeSteps, ...rest] });
}
