// The runs that read each setting. A setting that the run would not read is refused, never dropped.
import {
  hasMomentum,
  LR_USES,
  type LrConfig,
  type ModelEntry,
  modelRegistry,
  OPTIMIZER_USES,
  type OptimizerConfig,
  PRUNE_USES,
  type PruneConfig,
} from "../internal.ts";
import { isUnread, type SettingUse } from "../text/index.ts";
import { isEventData } from "./data_names.ts";
import { leavesOf, type Reader, type Setting } from "./setting.ts";
import { type Recipe, SETTINGS } from "./settings.ts";

interface Use extends SettingUse<Recipe> {
  /** The fact that makes the setting idle: "data.name is mnist". */
  readonly since: (r: Recipe) => string;
}

const entryOf = ({ model }: Recipe): ModelEntry | undefined =>
  Object.hasOwn(modelRegistry, model.name) ? modelRegistry[model.name] : undefined;
const spikes = (r: Recipe) => entryOf(r)?.spiking === true;
const neuronOf = (r: Recipe) => r.model.neuron ?? entryOf(r)?.neuron ?? "lif";
const events = (r: Recipe) => isEventData(r.data.name);
const images = (r: Recipe) => r.data.name === "images";
const table = (r: Recipe) => r.data.name === "table";

const optimizerOf = (r: Recipe) => r.optimizer ?? "sgd";
const byOptimizer = (r: Recipe) => `optimizer is ${optimizerOf(r)}`;
const byModel = (r: Recipe) => `model.name is ${r.model.name}`;
const byData = (r: Recipe) => `data.name is ${r.data.name}`;
const byRate = (r: Recipe) => `lr.schedule is ${r.lr.schedule}`;

/** Turn a rule of the library into one of the recipe, whose settings have the section's name. */
const ofSection =
  <C>(section: string, settings: (r: Recipe) => C, since: Use["since"]) =>
  (rule: SettingUse<C> | null): Use | null =>
    rule && {
      ...rule,
      what: rule.what.replaceAll(/\b(method|schedule) /g, `${section}.$1 `),
      when: (r) => rule.when(settings(r)),
      since,
    };

const byMethod = ({ prune }: Recipe) =>
  prune.method === "soft"
    ? `prune.method is soft, with prune.schedule ${prune.schedule}`
    : `prune.method is ${prune.method}`;
const bySchedule = (r: Recipe) =>
  ["soft", "at-init"].includes(r.prune.method) ? `prune.schedule is ${r.prune.schedule}` : byMethod(r);
const ofImages: Use = { what: "data images", when: images, since: byData };
const ofSpikes: Use = {
  what: `spiking networks (${Object.keys(modelRegistry)
    .filter((name) => modelRegistry[name]?.spiking)
    .join(", ")})`,
  when: spikes,
  since: byModel,
};

/** Return the optimiser's rule of a setting, as one of the recipe. */
const ofOptimizer = (key: Exclude<keyof OptimizerConfig, "name">): Use => {
  const rule = OPTIMIZER_USES[key]!;
  return { ...rule, when: (r) => rule.when({ name: optimizerOf(r) }), since: byOptimizer };
};

/** The runs that read a setting, by `reads` in its row of the table. */
const READERS: Readonly<Record<Reader, Use>> = {
  blocks: {
    what: "networks of blocks",
    when: (r) => entryOf(r)?.blocks !== undefined,
    since: byModel,
    idle: false,
  },
  shortcut: {
    what: `residual networks for small images (${Object.keys(modelRegistry)
      .filter((name) => modelRegistry[name]?.shortcut)
      .join(", ")})`,
    when: (r) => entryOf(r)?.shortcut !== undefined,
    since: byModel,
  },
  time: {
    what: "spiking networks and event data",
    when: (r) => spikes(r) || events(r),
    since: (r) => `${byModel(r)}, ${byData(r)}`,
  },
  spiking: ofSpikes,
  leak: {
    what: "the leak of spiking neurons",
    when: (r) => spikes(r) && neuronOf(r) !== "if",
    since: (r) => (spikes(r) ? `the neurons of ${r.model.name} are if, which have none` : byModel(r)),
  },
  files: { what: "data in files", when: (r) => r.data.name !== "events", since: byData },
  events: {
    what: "event data",
    when: (r) => events(r) && r.data.name !== "npz",
    since: (r) => `${byData(r)}${events(r) ? ", whose files hold frames" : ""}`,
  },
  sized: { what: "event data and data images", when: (r) => events(r) || images(r), since: byData },
  labelled: { what: "images and event data", when: (r) => !table(r), since: byData },
  table: { what: "data table", when: table, since: byData },
  heldOut: { what: "data images and data table", when: (r) => images(r) || table(r), since: byData },
  mlp: { what: "model mlp", when: (r) => entryOf(r)?.hidden === true, since: byModel },
  images: ofImages,
  color: { ...ofImages, idle: 0 },
  interval: {
    what: "checkpoint.every above 0",
    when: ({ checkpoint }) => checkpoint.every > 0,
    since: () => "checkpoint.every is 0",
  },
  momentum: {
    what: "optimizer sgd and rmsprop",
    when: (r) => hasMomentum({ name: optimizerOf(r) }),
    since: byOptimizer,
    idle: 0,
  },
  nesterov: { what: "optimizer sgd", when: (r) => optimizerOf(r) === "sgd", since: byOptimizer, idle: false },
  betas: ofOptimizer("betas"),
  eps: ofOptimizer("eps"),
  amsgrad: ofOptimizer("amsgrad"),
  alpha: ofOptimizer("alpha"),
  centered: ofOptimizer("centered"),
};

/** Settings that a recipe may not state without effect, not even with their default. The library allows it. */
const STATED = new Set(["lr.min", "lr.gamma"]);

function useOf(path: string, { reads }: Setting): Use | null {
  if (reads) return READERS[reads];
  const [section, key = ""] = path.split(".");
  if (section === "prune") {
    return ofSection<PruneConfig>(
      "prune",
      (r) => r.prune,
      key === "beta" ? bySchedule : byMethod,
    )(PRUNE_USES[key as keyof PruneConfig]);
  }
  if (section !== "lr") return null;
  const use = ofSection<LrConfig>("lr", (r) => r.lr, byRate)(LR_USES[key as keyof LrConfig]);
  return use && STATED.has(path) ? { what: use.what, when: use.when, since: use.since } : use;
}

/** The runs that read each setting; null: all. */
export const USES: Readonly<Record<string, Use | null>> = Object.fromEntries(
  leavesOf(SETTINGS).map(([path, setting]) => [path, useOf(path, setting)]),
);

/** Return the rule that a setting breaks in a recipe: it has a value that the run would not read. Null: all is well. */
export function unreadUse(path: string, value: unknown, recipe: Recipe): Use | null {
  const use = Object.hasOwn(USES, path) ? USES[path]! : null;
  return isUnread(use, value, recipe) ? use : null;
}
