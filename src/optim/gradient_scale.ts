// The connection of an optimiser with the scale of the loss, which only training in f16 loads (loss_scale.ts).
import type { Tensor } from "../tensor/index.ts";
import type { ArenaChunk } from "./param_arena.ts";

/** A scale of the loss, by which the update divides the gradients. */
export interface GradientScale {
  /** [4] f32: see loss_scale_step.wgsl. */
  readonly state: Tensor;
  /** Return the gradient that backward begins with, [] f32. */
  upstream(): Tensor;
  /** Enqueue the check of the gradients, before the update. */
  check(optimizer: { readonly chunks: readonly ArenaChunk[]; readonly guard: Tensor }): void;
  /** Enqueue the move of the scale, after the update. */
  advance(guard: Tensor): void;
  /** Enqueue: set the count of skipped steps to 0. */
  forgetSkipped(): void;
  dispose(): void;
}

/** Values of an optimizer's guard while all losses are finite and no gradient overflowed: see loss_scale_check.wgsl. */
export const CLEAR_GUARD = Uint32Array.of(0xffffffff, 0, 0, 0);
