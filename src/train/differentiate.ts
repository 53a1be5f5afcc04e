// Gradients outside the training step, for pruning methods that choose masks by them.
import { Tape } from "../autograd/index.ts";
import { Scope, type Tensor } from "../tensor/index.ts";

/** Enqueue the gradients of what `root` computes, times `upstream`; default 1. They arrive in those of the parameters. */
export function differentiate(root: () => Tensor, upstream?: Tensor): void {
  using _scope = new Scope();
  using tape = new Tape();
  tape.backward(root(), upstream);
}
