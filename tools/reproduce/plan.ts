// The plan of `npm run reproduce`: reads the experiments, one YAML file each, and expands them into cells. Everything else
// follows from the files: the list of cells, the recipe of each run, and the key of its settings.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { mergeLayer } from "../../src/recipe/layers.ts";
import type { RecipeFlags } from "../../src/recipe/recipe.ts";
import { UsageError } from "../../src/terminal/fail.ts";
import { type Method, methodsFrom, sharedMethods } from "./methods.ts";

const share = z.number().min(0).lt(1);
const name = z.string().regex(/^[^/]+$/);

/** Further measurements of a run: spikes and operations; a test after each epoch. */
export const MEASURES = ["activity", "epochs"] as const;
export type Measure = (typeof MEASURES)[number];

const group = z.strictObject({
  methods: z.array(name).min(1),
  /** Target shares of zeros; default: none, for methods without a knob. */
  levels: z.array(share.gt(0)).optional(),
  /** Seeds 0 to this - 1. */
  seeds: z.int().min(1).max(100),
  /** Names of panels; default all. */
  panels: z.array(name).optional(),
  measure: z.array(z.enum(MEASURES)).default([]),
});

const experimentFields = z.strictObject({
  title: z.string(),
  /** Text of the page before the tables, as Markdown. */
  about: z.string(),
  /** Position in the plan. */
  order: z.number(),
  figure: z.strictObject({
    kind: z.enum(["rows", "tradeoff", "lambda", "freeze", "operations", "trail"]),
    /** Methods to draw; default all. */
    methods: z.array(name).optional(),
  }),
  /**
   * Settings of all runs, as in a recipe. $NAME stands for a file or folder that the command line gives. `recalibrate: 0`: the tests
   * that training makes are only glances.
   */
  base: z.record(z.string(), z.unknown()),
  panels: z.array(z.strictObject({ name, title: z.string(), set: z.record(z.string(), z.unknown()).default({}) })),
  groups: z.array(group).min(1),
  /** Methods of this experiment alone, as in methods.yaml. */
  methods: z.record(z.string(), z.unknown()).optional(),
  /** Method with which the others are compared, seed by seed. */
  reference: name,
  match: z.strictObject({
    /** Largest distance of a share of zeros from its level. */
    tolerance: share,
    /** Most runs for one level and seed. */
    tries: z.int().min(1),
  }),
  /** Training batches over which the statistics of batch norm are estimated again. */
  recalibrate: z.int().min(1),
  /** Estimated seconds of a run on two CPU cores, before any was timed. */
  seconds: z.number().positive(),
});

type Fields = z.infer<typeof experimentFields>;
export type Group = z.infer<typeof group>;
export type Panel = Fields["panels"][number];

/** An experiment: a page with a table and a figure. */
export interface Experiment extends Omit<Fields, "methods" | "base"> {
  readonly name: string;
  readonly base: RecipeFlags;
  /** Methods of the groups by name, in their order. */
  readonly methods: ReadonlyMap<string, Method>;
}

/** One number of a table for one seed: a method at a level. */
export interface Cell {
  readonly experiment: Experiment;
  readonly panel: Panel;
  readonly method: Method;
  /** Target share of zeros; 0 for a method without a knob. */
  readonly level: number;
  readonly seed: number;
  readonly measure: readonly Measure[];
}

export const levelName = (level: number): string => level.toFixed(3).replace(/0$/, "");

/** Return the name of a cell: comparison_lenet/mnist/lats/0.95/s1. */
export const cellId = ({ experiment, panel, method, level, seed }: Cell): string =>
  `${experiment.name}/${panel.name}/${method.name}/${levelName(level)}/s${seed}`;

/** Read one experiment. `shared`: the methods of all experiments. Errors: UsageError naming the file. */
export function experimentFrom(text: string, file: string, shared: ReadonlyMap<string, Method>): Experiment {
  const parsed = experimentFields.safeParse(parse(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UsageError(`${file}: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const fields = parsed.data;
  const known = new Map([...shared, ...methodsFrom(fields.methods, file)]);
  const used = [...new Set([...fields.groups.flatMap(({ methods }) => methods), fields.reference])];
  const methods = new Map(
    used.map((method) => {
      const found = known.get(method);
      if (!found)
        throw new UsageError(`${file}: methods: expected one of ${[...known.keys()].join(", ")}, got ${method}`);
      return [method, found] as const;
    }),
  );
  const panels = new Set(fields.panels.map((panel) => panel.name));
  for (const panel of fields.groups.flatMap((one) => one.panels ?? [])) {
    if (!panels.has(panel))
      throw new UsageError(`${file}: groups: expected panels of ${[...panels].join(", ")}, got ${panel}`);
  }
  return { ...fields, name: basename(file).replace(/\.yaml$/, ""), base: fields.base as RecipeFlags, methods };
}

/** Read all experiments beside this file, in the order of the plan. Errors: UsageError. */
export function readExperiments(folder: string = import.meta.dirname): Experiment[] {
  const shared = sharedMethods(folder);
  const inside = join(folder, "experiments");
  return readdirSync(inside)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => experimentFrom(readFileSync(join(inside, file), "utf8"), join(inside, file), shared))
    .sort((a, b) => a.order - b.order);
}

/** List the cells of one experiment; a method without a knob has one level. Errors: UsageError for a cell that is listed twice. */
function cellsOfOne(experiment: Experiment): Cell[] {
  const cells = experiment.groups.flatMap((one) => {
    const panels = experiment.panels.filter(({ name: panel }) => one.panels?.includes(panel) ?? true);
    return panels.flatMap((panel) =>
      one.methods.flatMap((called) => {
        const method = experiment.methods.get(called)!;
        const levels = method.knob === null && method.shuffled === null ? [0] : (one.levels ?? []);
        return levels.flatMap((level) =>
          Array.from(
            { length: one.seeds },
            (_, seed): Cell => ({ experiment, panel, method, level, seed, measure: one.measure }),
          ),
        );
      }),
    );
  });
  const ids = new Set<string>();
  for (const cell of cells) {
    const id = cellId(cell);
    if (ids.has(id)) throw new UsageError(`${experiment.name}: groups: expected each cell once, got ${id} twice`);
    ids.add(id);
  }
  return cells;
}

/** List all cells in an order that covers every table early: by seed, then experiment, level and method. */
export function cellsOf(experiments: readonly Experiment[]): Cell[] {
  const at = new Map(experiments.map((experiment, i) => [experiment, i]));
  const rank = ({ experiment, method }: Cell) => [...experiment.methods.keys()].indexOf(method.name);
  const panelRank = ({ experiment, panel }: Cell) => experiment.panels.indexOf(panel);
  return experiments
    .flatMap(cellsOfOne)
    .sort(
      (a, b) =>
        a.seed - b.seed ||
        at.get(a.experiment)! - at.get(b.experiment)! ||
        a.level - b.level ||
        panelRank(a) - panelRank(b) ||
        rank(a) - rank(b),
    );
}

/** Return the cell whose masks a cell shuffles; null for other methods. Errors: UsageError if the experiment lacks that method. */
export function sourceOf(cell: Cell): Cell | null {
  const { shuffled } = cell.method;
  if (shuffled === null) return null;
  const method = cell.experiment.methods.get(shuffled);
  if (!method)
    throw new UsageError(`${cell.experiment.name}: ${cell.method.name}: expected method ${shuffled} in a group`);
  return { ...cell, method };
}

/** A run: its recipe, its further measurements, and for shuffled masks the share of zeros of each layer. */
export interface Task {
  readonly recipe: RecipeFlags;
  readonly measure: readonly Measure[];
  /** Training batches over which the statistics of batch norm are estimated again. */
  readonly recalibrate: number;
  readonly shuffle?: Readonly<Record<string, number>>;
}

/** Return the recipe of a cell's run; without the knob if `setting` is null. */
export function recipeOf({ experiment, panel, method, seed }: Cell, setting: number | null): RecipeFlags {
  const common = mergeLayer(experiment.base, panel.set) as RecipeFlags;
  const { epochs } = common;
  if (epochs === undefined) throw new UsageError(`${experiment.name}: base.epochs: expected a number, got none`);
  return mergeLayer(common, { seed, ...method.recipe(epochs, setting) }) as RecipeFlags;
}

/** Write a value as JSON with sorted keys. */
export function canonical(value: unknown): string {
  const sorted = (part: unknown): unknown =>
    Array.isArray(part)
      ? part.map(sorted)
      : typeof part === "object" && part !== null
        ? Object.fromEntries(
            Object.entries(part)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, inner]) => [key, sorted(inner)]),
          )
        : part;
  return JSON.stringify(sorted(value));
}

/** Return the key of all runs of a cell, at any setting of its knob: the same for equal settings in other experiments. */
export function familyOf(cell: Cell): string {
  const source = sourceOf(cell);
  const what = [
    recipeOf(cell, null),
    cell.method.knob,
    cell.measure,
    cell.experiment.recalibrate,
    ...(source ? [familyOf(source), cell.level] : []),
  ];
  return createHash("sha256").update(canonical(what)).digest("hex").slice(0, 16);
}

/** List the $NAMES of files and folders that an experiment needs. */
export const filesOf = ({ base, panels }: Experiment): string[] => [
  ...new Set([...JSON.stringify([base, panels]).matchAll(/"\$([a-z0-9-]+)"/g)].map((found) => found[1]!)),
];

/** Replace each $NAME in a recipe by its file. */
export function withFiles(recipe: RecipeFlags, files: Readonly<Record<string, string>>): RecipeFlags {
  const text = JSON.stringify(recipe).replaceAll(/"\$([a-z0-9-]+)"/g, (all, name: string) =>
    Object.hasOwn(files, name) ? JSON.stringify(files[name]) : all,
  );
  return JSON.parse(text) as RecipeFlags;
}
