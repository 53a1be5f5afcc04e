// Which run reads which setting. A setting that a user gives and that the run would not look at is refused, never dropped:
// this table says for each setting of a recipe what it is for, and whether a recipe is of that kind.
import { LR_USES, type LrConfig, type ModelEntry, models, PRUNE_USES, type PruneConfig } from "../index.ts";
import { isUnread, type SettingUse } from "../text/index.ts";
import { isEventData } from "./event_data.ts";
import type { Recipe } from "./fields.ts";

/** Dotted paths of all settings: "prune.ltp.l0". */
type Paths<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly unknown[]
    ? K
    : NonNullable<T[K]> extends object
      ? `${K}.${Paths<NonNullable<T[K]>>}`
      : K;
}[keyof T & string];
export type SettingPath = Paths<Recipe>;

export interface Use extends SettingUse<Recipe> {
  /** What the recipe has instead: "data.name is mnist". */
  readonly since: (r: Recipe) => string;
}

const entryOf = ({ model }: Recipe): ModelEntry | undefined =>
  Object.hasOwn(models, model.name) ? models[model.name] : undefined;
const spikes = (r: Recipe) => entryOf(r)?.spiking === true;
const neuronOf = (r: Recipe) => r.model.neuron ?? entryOf(r)?.neuron ?? "lif";
const events = (r: Recipe) => isEventData(r.data.name);
const images = (r: Recipe) => r.data.name === "images";

const byModel = (r: Recipe) => `model.name is ${r.model.name}`;
const byData = (r: Recipe) => `data.name is ${r.data.name}`;
const byRate = (r: Recipe) => `lr.schedule is ${r.lr.schedule}`;

/** A rule of the library for a section of the recipe, with the section's name before those of its settings. */
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
const ofPruning = ofSection<PruneConfig>("prune", (r) => r.prune, byMethod);
const ofRates = ofSection<LrConfig>("lr", (r) => r.lr, byRate);
/** Of a file, the default too: a number that somebody wrote down was meant to count. */
const said = (use: Use | null): Use | null => use && { what: use.what, when: use.when, since: use.since };
const ofSpikes: Use = {
  what: `spiking networks (${Object.keys(models)
    .filter((name) => models[name]?.spiking)
    .join(", ")})`,
  when: spikes,
  since: byModel,
};
const ofImages: Use = { what: "data images", when: images, since: byData };
const strength: Use = { ...ofImages, idle: 0 };

/** Null: every run reads it. */
export const USES: Readonly<Record<SettingPath, Use | null>> = {
  "model.name": null,
  "model.checkpointBlocks": {
    what: "networks of blocks",
    when: (r) => entryOf(r)?.blocks !== undefined,
    since: byModel,
    idle: false,
  },
  "model.timeSteps": {
    what: "spiking networks and event data",
    when: (r) => spikes(r) || events(r),
    since: (r) => `${byModel(r)}, ${byData(r)}`,
  },
  "model.neuron": ofSpikes,
  "model.tau": {
    what: "the leak of spiking neurons",
    when: (r) => spikes(r) && neuronOf(r) !== "if",
    since: (r) => (spikes(r) ? `the neurons of ${r.model.name} are if, which have none` : byModel(r)),
  },
  "model.surrogate": ofSpikes,
  "model.encoder": ofSpikes,

  "data.name": null,
  "data.dir": { what: "data that lies in files", when: (r) => r.data.name !== "events", since: byData },
  "data.by": {
    what: "event data",
    when: (r) => events(r) && r.data.name !== "npz",
    since: (r) => `${byData(r)}${events(r) ? ", whose files hold frames" : ""}`,
  },
  "data.size": { what: "event data and data images", when: (r) => events(r) || images(r), since: byData },
  "data.limit": { what: "data that is held in memory", when: (r) => !images(r), since: byData },
  "data.resize": ofImages,
  "data.skipBad": ofImages,
  "data.mapping": ofImages,
  "data.heldOut": ofImages,
  "data.workers": ofImages,
  "data.layout": ofImages,
  "data.followLinks": ofImages,

  epochs: null,
  finetuneEpochs: null,
  weights: null,
  newHead: null,
  weightsKey: null,
  allowMissing: null,
  allowUnexpected: null,
  batchSize: null,
  microBatch: null,

  "lr.schedule": ofRates(LR_USES.schedule),
  "lr.base": ofRates(LR_USES.base),
  "lr.warmupEpochs": ofRates(LR_USES.warmupEpochs),
  "lr.min": said(ofRates(LR_USES.min)),
  "lr.milestones": ofRates(LR_USES.milestones),
  "lr.every": ofRates(LR_USES.every),
  "lr.gamma": said(ofRates(LR_USES.gamma)),
  "lr.per": ofRates(LR_USES.per),

  momentum: null,
  nesterov: null,
  weightDecay: null,
  labelSmoothing: null,

  "prune.method": ofPruning(PRUNE_USES.method),
  "prune.schedule": ofPruning(PRUNE_USES.schedule),
  "prune.threshold": ofPruning(PRUNE_USES.threshold),
  "prune.lambda": ofPruning(PRUNE_USES.lambda),
  "prune.sparsity": ofPruning(PRUNE_USES.sparsity),
  "prune.mode": ofPruning(PRUNE_USES.mode),
  "prune.accelerated": ofPruning(PRUNE_USES.accelerated),
  "prune.startEpoch": ofPruning(PRUNE_USES.startEpoch),
  "prune.beta": ofSection<PruneConfig>("prune", (r) => r.prune, bySchedule)(PRUNE_USES.beta),
  "prune.window": ofPruning(PRUNE_USES.window),
  "prune.freezeEpoch": ofPruning(PRUNE_USES.freezeEpoch),
  "prune.dense": ofPruning(PRUNE_USES.dense),
  "prune.every": ofPruning(PRUNE_USES.every),
  "prune.str.start": ofPruning(PRUNE_USES.str),
  "prune.str.decay": ofPruning(PRUNE_USES.str),
  "prune.ltp.l0": ofPruning(PRUNE_USES.ltp),
  "prune.ltp.temperature": ofPruning(PRUNE_USES.ltp),
  "prune.ltp.lr": ofPruning(PRUNE_USES.ltp),
  "prune.ltp.clip": ofPruning(PRUNE_USES.ltp),
  "prune.snipBatches": ofPruning(PRUNE_USES.snipBatches),
  "prune.initEpochs": ofPruning(PRUNE_USES.initEpochs),

  "augment.crop": null,
  "augment.flip": null,
  "augment.scale": ofImages,
  "augment.jitter.brightness": strength,
  "augment.jitter.contrast": strength,
  "augment.jitter.saturation": strength,
  "augment.jitter.hue": strength,

  seed: null,
  "checkpoint.every": null,
  "checkpoint.per": {
    what: "checkpoint.every above 0",
    when: ({ checkpoint }) => checkpoint.every > 0,
    since: () => "checkpoint.every is 0",
  },
  "checkpoint.keep": null,
  trail: null,
  logEvery: null,
  out: null,
  "device.requireGpu": null,
};

/** The rule that a setting breaks in a recipe: it has a value, and the run would not look at it. Null: all is well. */
export function unreadUse(path: string, value: unknown, recipe: Recipe): Use | null {
  const use = Object.hasOwn(USES, path) ? USES[path as SettingPath] : null;
  return isUnread(use, value, recipe) ? use : null;
}
