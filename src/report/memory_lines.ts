// Describes the predicted GPU memory of a run.

import type { MemoryPlan } from "../internal.ts";
import { mib } from "../text/index.ts";

/** Write one line per part of the plan. `evaluated`: the plan of the same run with evaluation, `images` at a time. */
export function memoryLines(
  { batch, optimizer, images }: { batch: number; optimizer: string; images: number },
  plan: MemoryPlan,
  evaluated: MemoryPlan,
): string[] {
  const row = (what: string, bytes: number, note = "") =>
    `  ${what.padEnd(14)} ${mib(bytes).padStart(12)}${note && `  ${note}`}`;
  return [
    `GPU memory of training at batch ${batch}, ${optimizer}`,
    row("peak", plan.peak, `${plan.step.commands} dispatches and copies a step`),
    row("with testing", evaluated.peak, `evaluation of ${images} images at a time`),
    row("parameters", plan.parameters),
    ...(plan.latent > 0 ? [row("latent weights", plan.latent, "of soft-threshold pruning")] : []),
    row("gradients", plan.gradients),
    ...(plan.moments > 0 ? [row("moments", plan.moments)] : [row("momentum", plan.momentum)]),
    row("inputs", plan.inputs),
    row("activations", plan.activations, "with intermediate gradients and workspaces"),
    row(
      "  lower bound",
      plan.step.lowerBound,
      `no plan needs less; this plan takes ${plan.step.ratio.toFixed(3)} times as much`,
    ),
    row("other", plan.other, "statistics, metrics, buffers waiting for reuse"),
    row("staging", plan.staging, "in addition: for reading metrics and checkpoints"),
    row("uniforms", plan.uniforms, "in addition: parameters of the dispatches"),
  ];
}
