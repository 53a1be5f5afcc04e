// Which run reads which setting. A setting that a user gives and that the run would not look at is refused, never dropped:
// this table says for each setting of a recipe what it is for, and whether a recipe is of that kind.
import { type ModelEntry, models } from "../index.ts";
import { isEventData } from "./event_data.ts";
import type { Recipe } from "./recipe_fields.ts";

/** Dotted paths of all settings: "prune.ltp.l0". */
type Paths<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly unknown[]
    ? K
    : NonNullable<T[K]> extends object
      ? `${K}.${Paths<NonNullable<T[K]>>}`
      : K;
}[keyof T & string];
export type SettingPath = Paths<Recipe>;

export interface Use {
  /** What the setting is for, in words. */
  readonly what: string;
  /** Whether a run of this recipe reads it. */
  readonly when: (r: Recipe) => boolean;
  /** What the recipe has instead: "data.name is mnist". */
  readonly since: (r: Recipe) => string;
  /** A value that says what such a run does anyway, and may stand. */
  readonly idle?: unknown;
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

/** `soft` with a schedule that moves: dense training is `soft` without one. */
const soft = ({ prune }: Recipe) => prune.method === "soft" && prune.schedule !== "none";
const atInit = ({ prune }: Recipe) => prune.method === "at-init";
const dense = (r: Recipe) => r.prune.method === "soft" && !soft(r);
const isOne =
  (...methods: readonly string[]) =>
  ({ prune }: Recipe) =>
    methods.includes(prune.method);
const byMethod = ({ prune }: Recipe) =>
  prune.method === "soft" ? `prune.schedule is ${prune.schedule}` : `prune.method is ${prune.method}`;
const bySchedule = (r: Recipe) => (atInit(r) ? `prune.schedule is ${r.prune.schedule}` : byMethod(r));

const ofSpikes: Use = {
  what: `spiking networks (${Object.keys(models)
    .filter((name) => models[name]?.spiking)
    .join(", ")})`,
  when: spikes,
  since: byModel,
};
const ofImages: Use = { what: "data images", when: images, since: byData };
const ofPruning = (what: string, when: (r: Recipe) => boolean, idle?: unknown): Use => ({
  what,
  when,
  since: byMethod,
  ...(idle === undefined ? {} : { idle }),
});
const ofMethod = (name: string) => ofPruning(`prune.method ${name}`, isOne(name));
const ofThresholds = ofPruning("the soft thresholds of prune.method soft and at-init", (r) => soft(r) || atInit(r));
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

  "lr.schedule": null,
  "lr.base": null,
  "lr.warmupEpochs": null,
  "lr.min": { what: "lr.schedule cosine", when: ({ lr }) => lr.schedule === "cosine", since: byRate },
  "lr.milestones": { what: "lr.schedule multistep", when: ({ lr }) => lr.schedule === "multistep", since: byRate },
  "lr.every": { what: "lr.schedule step", when: ({ lr }) => lr.schedule === "step", since: byRate },
  "lr.gamma": {
    what: "lr.schedule multistep and step",
    when: ({ lr }) => lr.schedule === "multistep" || lr.schedule === "step",
    since: byRate,
  },
  "lr.per": null,

  momentum: null,
  nesterov: null,
  weightDecay: null,
  labelSmoothing: null,

  "prune.method": null,
  "prune.schedule": ofPruning("prune.method soft and at-init", isOne("soft", "at-init")),
  "prune.threshold": ofThresholds,
  "prune.lambda": ofThresholds,
  "prune.sparsity": ofPruning(
    "soft thresholds and prune.method gmp, one-shot, snip and random",
    (r) => soft(r) || isOne("at-init", "gmp", "one-shot", "snip", "random")(r),
  ),
  "prune.mode": ofThresholds,
  "prune.accelerated": ofPruning("the soft thresholds of prune.method soft", soft, false),
  "prune.startEpoch": ofPruning(
    "soft thresholds and prune.method str, ltp, gmp and one-shot",
    (r) => soft(r) || isOne("str", "ltp", "gmp", "one-shot")(r),
    0,
  ),
  "prune.beta": {
    what: "prune.schedule pgh and pgh-general",
    when: (r) => (soft(r) || atInit(r)) && (r.prune.schedule === "pgh" || r.prune.schedule === "pgh-general"),
    since: bySchedule,
  },
  "prune.window": ofPruning(
    "soft thresholds that rise and prune.method gmp",
    // Of a constant threshold the window matters where D is lambda times the rates in it.
    (r) => (soft(r) && (r.prune.schedule !== "constant" || r.prune.lambda !== undefined)) || isOne("gmp")(r),
  ),
  "prune.freezeEpoch": ofPruning(
    "soft thresholds and prune.method str, ltp and gmp",
    (r) => soft(r) || isOne("str", "ltp", "gmp")(r),
  ),
  "prune.dense": ofPruning("runs that prune", (r) => !dense(r), []),
  "prune.every": ofMethod("gmp"),
  "prune.str.start": ofMethod("str"),
  "prune.str.decay": ofMethod("str"),
  "prune.ltp.l0": ofMethod("ltp"),
  "prune.ltp.temperature": ofMethod("ltp"),
  "prune.ltp.lr": ofMethod("ltp"),
  "prune.ltp.clip": ofMethod("ltp"),
  "prune.snipBatches": ofMethod("snip"),
  "prune.initEpochs": ofMethod("at-init"),

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
  if (!use || use.when(recipe)) return null;
  return use.idle !== undefined && JSON.stringify(use.idle) === JSON.stringify(value) ? null : use;
}
