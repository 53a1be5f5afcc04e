// Takes a batch norm out of a network whose preceding layer has its map in weight and bias.
import { addRelu } from "../ops/add_relu.ts";
import { relu } from "../ops/unary.ts";
import type { Tensor } from "../tensor/index.ts";
import type { BatchNorm2d } from "./norm.ts";

/** Make a batch norm the identity, without parameters and buffers. Frees them. For inference: it cannot be undone. */
export function foldNorm(bn: BatchNorm2d): void {
  if (bn.folded) return;
  for (const t of [bn.weight, bn.bias, bn.running_mean, bn.running_var]) t?.dispose();
  for (const name of ["running_mean", "running_var"]) Reflect.deleteProperty(bn, name);
  Object.assign(bn, { weight: null, bias: null, folded: true });
  const methods = {
    forward: (x: Tensor) => x,
    forwardRelu: (x: Tensor) => relu(x),
    forwardAddRelu: (x: Tensor, residual: Tensor) => addRelu(x, residual),
  };
  for (const [name, value] of Object.entries(methods)) Object.defineProperty(bn, name, { configurable: true, value });
}
