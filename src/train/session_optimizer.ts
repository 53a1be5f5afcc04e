// The optimiser of a session: made from its settings, or brought by the program.
import type { Module } from "../nn/index.ts";
import { namedOptimizer } from "../optim/named_optimizer.ts";
import { Optimizer } from "../optim/optimizer.ts";
import type { ParamGroup, SGDOptions } from "../optim/sgd_options.ts";
import { pruningGroups } from "../prune/groups.ts";
import type { PruningMethod } from "../prune/method.ts";
import { ArgumentError, kindOf } from "../text/index.ts";
import type { RunConfig, RunSettings } from "./config.ts";
import type { RunSchedule } from "./run_plan.ts";

/**
 * An optimizer of the model's parameters, with rates and momentum; or a function that makes it for the groups of the
 * pruning method and the settings of the run. An optimizer whose `lr` is a function moves its rates itself.
 */
export type SessionOptimizer =
  | Optimizer
  | ((
      groups: ParamGroup[],
      options: Pick<SGDOptions, "momentum" | "nesterov" | "weightDecay"> & { lr: number },
    ) => Optimizer);

/** Settings that a custom optimizer decides. */
const SETTINGS = ["optimizer", "lr", "momentum", "nesterov", "weightDecay"] as const;

const refuse = (problem: string) => new ArgumentError(`Session: ${problem}`);

/** Check that an optimizer and the settings do not contradict each other. Errors: ArgumentError. */
export function checkOptimizer(
  optimizer: SessionOptimizer | undefined,
  settings: RunSettings = {},
  schedule?: RunSchedule,
): void {
  if (optimizer === undefined) return;
  if (typeof optimizer === "function") {
    if (settings.optimizer !== undefined) throw refuse("config.optimizer: expected nothing beside a custom optimizer");
    return;
  }
  if (!(optimizer instanceof Optimizer)) {
    const wanted = "an SGD, an Adam or another optimizer, or a function that makes it";
    throw refuse(`optimizer: expected ${wanted}, got ${kindOf(optimizer)}`);
  }
  const beside = SETTINGS.find((key) => settings[key] !== undefined);
  if (beside) throw refuse(`config.${beside}: expected nothing beside an optimizer, which has its own`);
  if (schedule?.lr) throw refuse("schedule.lr: expected nothing beside an optimizer: give it a function as lr");
}

/** Return the learning rate of step n of a custom optimizer: that of its first group. */
export function ownRate(optimizer: Optimizer): (step: number) => number {
  const { schedules, lr } = optimizer.groups[0]!.options;
  return schedules.lr ?? (() => lr);
}

/** Make the optimizer of a session. Errors: ArgumentError or OpError. */
export function makeOptimizer(
  given: SessionOptimizer | undefined,
  model: Module,
  method: PruningMethod,
  { lr, momentum, nesterov, weightDecay, prune, optimizer: named = { name: "sgd" } }: RunConfig,
): Optimizer {
  if (given instanceof Optimizer) {
    expectMode(given, method);
    expectAll(given, model);
    return given;
  }
  const groups = pruningGroups(model, method.group, prune.dense);
  const options = { lr: lr.base, momentum, nesterov, weightDecay };
  if (!given) return namedOptimizer(named, groups, options);
  const made = given(groups, options);
  if (!(made instanceof Optimizer))
    throw refuse(`optimizer: expected the function to return an optimizer, got ${kindOf(made)}`);
  expectMode(made, method);
  expectAll(made, model);
  if (made.groups.some(({ options: { schedules } }) => schedules.lr))
    throw refuse("optimizer: expected groups without a schedule for lr, which the session sets; use schedule.lr");
  return made;
}

/** Check that an optimizer has the method's mode, with its options. */
function expectMode({ groups }: Optimizer, { name, group }: PruningMethod): void {
  const { mode = "none" } = group;
  for (const key of ["gradient", "shrink", "group", "groupShare"] as const) {
    const other = groups.find(({ options }) => options.mode === mode && options[key] !== group[key]);
    if (other && (group[key] !== undefined || key === "group"))
      throw refuse(`optimizer: expected ${key} ${group[key] ?? "none"} for method ${name}, got ${other.options[key]}`);
  }
  const modes = groups.map(({ options }) => options.mode);
  const other = modes.find((found) => found !== "none" && found !== mode);
  if (other === undefined && (mode === "none" || modes.includes(mode))) {
    if (groups.some(({ options: { schedules } }) => schedules.threshold))
      throw refuse("optimizer: expected groups without a threshold, which the session sets; use schedule.threshold");
    return;
  }
  throw refuse(
    `optimizer: expected a group of mode ${mode} for method ${name}, got groups of mode ${modes.join(", ")}`,
  );
}

/** Check that an optimizer holds every parameter of the model. */
function expectAll({ groups }: Optimizer, model: Module): void {
  const held = new Set(groups.flatMap(({ chunks }) => chunks.flatMap(({ params }) => [...params])));
  const lost = [...model.namedParameters()].filter(([, p]) => p.requiresGrad && !held.has(p)).map(([name]) => name);
  if (lost.length > 0) {
    const more = lost.length > 3 ? ` and ${lost.length - 3} more` : "";
    throw refuse(`optimizer: expected all parameters of the model, got none of ${lost.slice(0, 3).join(", ")}${more}`);
  }
}
