// Warnings about a step that is probably a mistake, once per optimizer.
import { OpError, warnOnce } from "../gpu/index.ts";
import { type Parameter, takeStrays } from "../nn/parameter.ts";
import { isRehearsing } from "../tensor/index.ts";
import type { Group } from "./group.ts";
import { isHeld } from "./param_arena.ts";

const SHOWN = 4;

/** The optimiser, whose class names itself in messages. */
interface Owner {
  readonly name: string;
}

function list(params: readonly Parameter[]): string {
  const names = params.slice(0, SHOWN).map((p) => p.describe());
  return `${names.join(", ")}${params.length > SHOWN ? ` and ${params.length - SHOWN} more` : ""}`;
}

/** Warn of a step that changes less than its caller expects. Throws OpError for gradients of parameters that no module lists. */
export function warnOfStep(owner: Owner, groups: readonly Group[]): void {
  if (isRehearsing()) return void takeStrays();
  warnOfThresholds(owner, groups);
  warnOfMissing(owner, groups);
  judgeStrays(owner);
}

/** Warn that another optimizer loses its parameters: the memory of a parameter is in one arena only. */
export function warnOfTakeover(name: string, params: readonly Parameter[]): void {
  const taken = params.filter(isHeld);
  if (taken.length === 0) return;
  warnOnce(
    taken[0]!,
    "takeover",
    `${name}: takes over ${taken.length} parameters of another optimizer, whose steps no longer move them: ${list(taken)}. Dispose of that optimizer first`,
  );
}

function warnOfThresholds(owner: Owner, groups: readonly Group[]): void {
  for (const { options, phase, thresholdGiven } of groups) {
    const acts = options.mode === "latent" || options.mode === "inplace" || options.mode === "fista";
    if (!acts || phase !== "prune" || thresholdGiven) continue;
    warnOnce(
      owner,
      "threshold",
      `${owner.name}: mode ${options.mode} has a threshold, but none was set, so nothing is pruned: pass a threshold, or call set({ threshold, thresholdNext }) before the step`,
    );
  }
}

function warnOfMissing(owner: Owner, groups: readonly Group[]): void {
  const all = groups.flatMap((g) => g.chunks.flatMap((c) => c.params));
  const missing = all.filter((p) => !p.gradArrived);
  if (missing.length === 0) return;
  if (missing.length === all.length) {
    warnOnce(
      owner,
      "none",
      `${owner.name}: no gradient arrived since the last step, so only momentum and weight decay move the weights: call tape.backward(loss) before step()`,
    );
  } else {
    warnOnce(
      owner,
      "some",
      `${owner.name}: no gradient arrived for ${missing.length} of ${all.length} parameters: ${list(missing)}. Their gradient counts as 0; does the loss depend on them?`,
    );
  }
}

/** Check gradients of parameters without an optimizer. If a module lists them, warn; if none does, throw. */
function judgeStrays(owner: Owner): void {
  const strays = takeStrays();
  const lost = strays.filter((p) => p.name === "");
  if (lost.length > 0) {
    throw new OpError(
      owner.name,
      `gradients arrived for ${lost.length} parameters that no module lists and no optimizer holds: ${list(lost)}. They would never be trained: keep modules in properties, arrays, Maps, Sets or plain objects (private fields, closures and objects of other classes are not searched), or set requiresGrad = false`,
    );
  }
  if (strays.length > 0) {
    warnOnce(
      owner,
      "strays",
      `${owner.name}: gradients arrived for ${strays.length} parameters that no optimizer holds: ${list(strays)}. They are not trained; if that is intended, set requiresGrad = false, which also saves their gradients`,
    );
  }
}
