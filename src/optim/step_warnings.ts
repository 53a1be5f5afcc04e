// What a step of an optimizer finds that is hardly meant: said once for each optimizer.
import { OpError, warnOnce } from "../gpu/index.ts";
import { type Parameter, takeStrays } from "../nn/parameter.ts";
import { isRehearsing } from "../tensor/index.ts";
import type { Group } from "./group.ts";
import { isHeld } from "./param_arena.ts";

const SHOWN = 4;

function list(params: readonly Parameter[]): string {
  const names = params.slice(0, SHOWN).map((p) => p.describe());
  return `${names.join(", ")}${params.length > SHOWN ? ` and ${params.length - SHOWN} more` : ""}`;
}

/** Warns of a step that changes less than its caller thinks. Errors: OpError for parameters that nothing lists. */
export function warnOfStep(owner: object, groups: readonly Group[]): void {
  if (isRehearsing()) return void takeStrays();
  warnOfThresholds(owner, groups);
  warnOfMissing(owner, groups);
  judgeStrays(owner);
}

/** Says that an optimizer is left with nothing to move: a parameter's memory lies in one arena. */
export function warnOfTakeover(params: readonly Parameter[]): void {
  const taken = params.filter(isHeld);
  if (taken.length === 0) return;
  warnOnce(
    taken[0]!,
    "takeover",
    `SGD: takes over ${taken.length} parameters of another optimizer, whose steps no longer move them: ${list(taken)}. Dispose the first one`,
  );
}

function warnOfThresholds(owner: object, groups: readonly Group[]): void {
  for (const { options, phase, thresholdGiven } of groups) {
    const acts = options.mode === "latent" || options.mode === "inplace" || options.mode === "fista";
    if (!acts || phase !== "prune" || thresholdGiven) continue;
    warnOnce(
      owner,
      "threshold",
      `SGD: mode ${options.mode} has a threshold, but none was set, so that nothing is pruned: call set({ threshold, thresholdNext }) before the step`,
    );
  }
}

function warnOfMissing(owner: object, groups: readonly Group[]): void {
  const all = groups.flatMap((g) => g.chunks.flatMap((c) => c.params));
  const missing = all.filter((p) => !p.gradArrived);
  if (missing.length === 0) return;
  if (missing.length === all.length) {
    warnOnce(
      owner,
      "none",
      "SGD: no gradient arrived since the last step, so that only momentum and weight decay move the weights: call tape.backward(loss) before step()",
    );
  } else {
    warnOnce(
      owner,
      "some",
      `SGD: no gradient arrived for ${missing.length} of ${all.length} parameters: ${list(missing)}. They count as having a gradient of 0; does the loss depend on them?`,
    );
  }
}

/** Parameters of no optimizer: of the model's, they are left out on purpose or by mistake; of nobody's, they are lost. */
function judgeStrays(owner: object): void {
  const strays = takeStrays();
  const lost = strays.filter((p) => p.name === "");
  if (lost.length > 0) {
    throw new OpError(
      "SGD",
      `gradients arrived for ${lost.length} parameters that no module lists and no optimizer holds: ${list(lost)}. They would never be trained: keep modules in properties, arrays, Maps, Sets or plain objects (a private field, a closure or another class's object is not looked into), or set requiresGrad = false`,
    );
  }
  if (strays.length > 0) {
    warnOnce(
      owner,
      "strays",
      `SGD: gradients arrived for ${strays.length} parameters that no optimizer holds: ${list(strays)}. They are not trained; requiresGrad = false says that it is meant, and saves their gradients`,
    );
  }
}
