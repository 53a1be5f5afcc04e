// schedules.json: learning-rate and threshold schedules in float64, compared with the engine's own.
import { makeLrSchedule } from "../../src/optim/index.ts";
import { makeThresholdSchedule, type ThresholdConfig, type ThresholdSchedule } from "../../src/prune/index.ts";
import { Attrs, Unsupported } from "./attrs.ts";
import type { CaseReport, FileReport } from "./runner.ts";

/** Tolerance of float64 formulas in another order of operations: a few roundings of the largest value. */
const RTOL = 1e-12;

type Entry = Readonly<Record<string, unknown>>;
/** Compute the engine's counterpart of the entry's `values`. */
type Check = (attrs: Attrs, entry: Entry) => number[];

const indices = (n: number) => Array.from({ length: n }, (_, i) => i);
const lengthOf = (entry: Entry) => (entry["values"] as readonly unknown[]).length;

const lr: Readonly<Record<string, Check>> = {
  cosine_warmup_per_epoch(attrs, entry) {
    const at = makeLrSchedule(
      {
        schedule: "cosine",
        base: attrs.number("lr"),
        min: attrs.number("lr_min", 0),
        warmupEpochs: attrs.number("warmup_epochs", 0),
        per: "epoch",
      },
      { epochs: attrs.number("epochs"), stepsPerEpoch: 3 },
    );
    return indices(lengthOf(entry)).map((epoch) => at(epoch * 3 + 1));
  },
  multistep_warmup_per_epoch(attrs, entry) {
    const milestones = attrs.list("milestones") as number[];
    const at = makeLrSchedule(
      {
        schedule: "multistep",
        base: attrs.number("lr"),
        gamma: attrs.number("gamma"),
        milestones,
        warmupEpochs: attrs.number("warmup_epochs", 0),
        per: "epoch",
      },
      { epochs: attrs.number("epochs"), stepsPerEpoch: 3 },
    );
    return indices(lengthOf(entry)).map((epoch) => at(epoch * 3 + 1));
  },
  step_per_epoch(attrs, entry) {
    const epochs = lengthOf(entry);
    const at = makeLrSchedule(
      {
        schedule: "step",
        base: attrs.number("lr"),
        gamma: attrs.number("gamma"),
        every: attrs.number("step"),
        per: "epoch",
      },
      { epochs, stepsPerEpoch: 3 },
    );
    return indices(epochs).map((epoch) => at(epoch * 3 + 1));
  },
  cosine_annealing_closed_form(attrs, entry) {
    const at = makeLrSchedule(
      { schedule: "cosine", base: attrs.number("lr") },
      { epochs: attrs.number("t_max"), stepsPerEpoch: 1 },
    );
    return indices(lengthOf(entry)).map((step) => at(step));
  },
};

function threshold(
  attrs: Attrs,
  config: Omit<ThresholdConfig, "threshold">,
  totalSteps: number,
  stepsPerEpoch: number,
) {
  return makeThresholdSchedule(
    { ...config, threshold: attrs.number("D") },
    { totalSteps, stepsPerEpoch, epochs: totalSteps / stepsPerEpoch, lr: () => 1 },
  );
}

const sampled = (schedule: ThresholdSchedule, attrs: Attrs) => (attrs.list("n") as number[]).map((n) => schedule.at(n));

const closedForm =
  (schedule: ThresholdConfig["schedule"]): Check =>
  (attrs) => {
    const n = attrs.number("N");
    const config = schedule === "pgh" ? { schedule, beta: attrs.number("beta") } : { schedule };
    return sampled(threshold(attrs, config, n, n), attrs);
  };

const thresholds: Readonly<Record<string, Check>> = {
  s_lats: closedForm("slats"),
  pgh: closedForm("pgh"),
  sine: closedForm("sine"),
  linear: closedForm("linear"),
  cubic: closedForm("cubic"),
  lats(attrs) {
    const epochs = attrs.number("epochs");
    const batches = attrs.number("batches");
    const schedule = threshold(attrs, { schedule: "lats-epoch" }, epochs * batches, batches);
    return indices(epochs * batches).map((i) => schedule.at(i + 1));
  },
};

const kinds: Readonly<Record<string, Readonly<Record<string, Check>>>> = { lr, threshold: thresholds };

function checkEntry(name: string, kind: string, key: string, entry: Entry): CaseReport {
  const report = (status: CaseReport["status"], reason = "", worst = 0) => ({ name, op: kind, status, reason, worst });
  const check = kinds[kind]?.[key];
  if (!check) return report("unsupported", `no ${kind} schedule named ${key}`);
  try {
    const attrs = new Attrs(entry);
    attrs.ignore("values", "formula", "n");
    const got = check(attrs, entry);
    attrs.finish();
    const want = (entry["values"] as readonly unknown[]).flat() as number[];
    if (got.length !== want.length) return report("failed", `${got.length} values, want ${want.length}`);
    const scale = Math.max(...want.map(Math.abs));
    const deviation = Math.max(...want.map((w, i) => Math.abs(w - got[i]!)));
    const limit = RTOL * scale;
    if (!(deviation <= limit))
      return report("failed", `off by ${deviation.toExponential(2)}, limit ${limit.toExponential(2)}`);
    return report("passed", "", deviation / limit);
  } catch (error) {
    if (error instanceof Unsupported) return report("unsupported", error.message);
    return report("failed", error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

/** Check every schedule of a parsed schedules.json. Needs no GPU. */
export function runSchedules(json: Readonly<Record<string, unknown>>, file: string): FileReport {
  const cases: CaseReport[] = [];
  for (const [kind, entries] of Object.entries(json)) {
    for (const [key, value] of Object.entries(entries as Readonly<Record<string, Entry | readonly Entry[]>>)) {
      const list = (Array.isArray(value) ? value : [value]) as readonly Entry[];
      list.forEach((entry, i) => {
        const name = list.length > 1 ? `${kind}/${key}[${i}]` : `${kind}/${key}`;
        cases.push(checkEntry(name, kind, key, entry));
      });
    }
  }
  return { file, cases };
}
