// A setting is applied or refused: whatever a user gives with whatever method and data, the run reads it, or a line names it.
// What a run reads is asked of the engine itself, not of the table that is tested here.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildModel, modelRegistry } from "../../src/internal.ts";
import { LIFNode, ParametricLIFNode, RandomState } from "../../src/nn/index.ts";
import { makeLrSchedule } from "../../src/optim/lr_scheduler.ts";
import { PRUNING_METHODS, type PruneConfig, type RunShape } from "../../src/prune/config.ts";
import { makePruningMethod } from "../../src/prune/methods/index.ts";
import { THRESHOLD_SCHEDULES } from "../../src/prune/threshold_schedule.ts";
import { isEventData } from "../../src/recipe/data_names.ts";
import { settingsFrom } from "../../src/recipe/flags.ts";
import { METHOD_NAMES } from "../../src/recipe/presets.ts";
import { RecipeError, type RecipeFlags, recipeToYaml, resolveRecipe } from "../../src/recipe/recipe.ts";
import { keysAt, type Recipe } from "../../src/recipe/schema.ts";
import { spikingOptions } from "../../src/recipe/spiking.ts";
import { USES } from "../../src/recipe/uses.ts";
import { defined } from "../../src/text/index.ts";

type Given = Record<string, unknown>;

function leaves(path: readonly string[] = []): string[] {
  const keys = keysAt(path);
  return keys.length === 0 ? [path.join(".")] : keys.flatMap((key) => leaves([...path, key]));
}

test("the table has each setting of the schema, and no other", () => {
  expect(Object.keys(USES).sort()).toEqual(leaves().sort());
  for (const [path, use] of Object.entries(USES)) if (use) expect(use.what, path).toMatch(/^[a-z]/);
});

/** A recipe of dotted settings. */
function nested(given: Given): RecipeFlags {
  const root: Given = {};
  for (const [path, value] of Object.entries(given)) {
    const keys = path.split(".");
    let map = root;
    for (const key of keys.slice(0, -1)) {
      map[key] ??= {};
      map = map[key] as Given;
    }
    map[keys.at(-1)!] = value;
  }
  return root as RecipeFlags;
}

function resolved(given: Given): Recipe | readonly string[] {
  try {
    return resolveRecipe({ text: JSON.stringify(nested(given)), file: "a.yaml" });
  } catch (error) {
    expect(error).toBeInstanceOf(RecipeError);
    return (error as RecipeError).problems;
  }
}

const refusal = (problems: readonly string[], path: string) =>
  problems.find((problem) => problem.includes(`: ${path}: expected no value: it is for `));

/** Two values of each setting that some run does not read, one unlike the other and unlike the defaults. */
const VALUES: Readonly<Record<string, readonly [unknown, unknown]>> = {
  "prune.schedule": ["linear", "sine"],
  "prune.threshold": [0.3, 0.4],
  "prune.lambda": [0.01, 0.02],
  "prune.sparsity": [0.5, 0.6],
  "prune.group": ["block8", "filter"],
  "prune.groupShare": [0.5, 0.25],
  "prune.groupSparsity": [0.5, 0.6],
  "prune.steer": ["threshold", "lambda"],
  "prune.mode": ["inplace", "latent"],
  "prune.accelerated": [true, false],
  "prune.gradient": ["true", "straight-through"],
  "prune.startEpoch": [1, 2],
  "prune.beta": [0.2, 0.4],
  "prune.window": [1, 2],
  "prune.freezeEpoch": [4, 5],
  "prune.compact": [true, false],
  "prune.kernels": ["block", "auto"],
  "prune.dense": [["first"], ["last"]],
  "prune.scope": ["erk", "global"],
  "prune.shares": [["a=0.5"], ["b=0.25"]],
  "prune.rounds": [2, 5],
  "prune.rewindEpoch": [2, 4],
  "prune.shrink": [0.1, 0.2],
  "prune.every": [3, 7],
  "prune.str.start": [-3, -5],
  "prune.str.decay": [0.1, 0.2],
  "prune.ltp.l0": [0.5, 0.7],
  "prune.ltp.temperature": [0.02, 0.03],
  "prune.ltp.lr": [2, 3],
  "prune.ltp.clip": [0.1, 0.2],
  "prune.decayTarget": ["effective", "latent"],
  "prune.snipBatches": [2, 3],
  "prune.initEpochs": [2, 3],
  "lr.min": [0.01, 0.02],
  "lr.milestones": [
    [2, 4],
    [3, 5],
  ],
  "lr.every": [1, 2],
  "lr.gamma": [0.3, 0.5],
  "checkpoint.per": ["step", "epoch"],
  momentum: [0.5, 0.7],
  nesterov: [true, false],
  betas: [
    [0.5, 0.6],
    [0.7, 0.8],
  ],
  eps: [1e-6, 1e-4],
  amsgrad: [true, false],
  alpha: [0.5, 0.7],
  centered: [true, false],
  "model.checkpointBlocks": [true, false],
  "model.shortcut": ["projection", "identity"],
  "model.layers": [1, 3],
  "model.width": [8, 16],
  "model.timeSteps": [3, 5],
  "model.neuron": ["plif", "if"],
  "model.tau": [3, 4],
  "model.surrogate": ["sigmoid", "triangle"],
  "model.encoder": ["poisson", "latency"],
  "data.dir": ["/a", "/b"],
  "data.by": ["time", "number"],
  "data.size": [48, 64],
  "data.limit": [3, 4],
  "data.resize": [300, 400],
  "data.mean": [
    [0.5, 0.4, 0.3],
    [0, 0, 0],
  ],
  "data.std": [
    [0.2, 0.3, 0.4],
    [1, 1, 1],
  ],
  "data.skipBad": [1, 2],
  "data.mapping": ["m", "n"],
  "data.heldOut": [0.2, 0.3],
  "data.memory": [5, 6],
  "data.inputs": [["a"], ["b"]],
  "data.targets": [["c"], ["d"]],
  "data.header": [true, false],
  "data.testFile": ["e.csv", "f.csv"],
  "data.splitSeed": [1, 2],
  "data.standardise": [true, false],
  "data.workers": [2, 3],
  "data.layout": ["folder", "webdataset"],
  "data.followLinks": [true, false],
  "augment.scale": [
    [0.2, 1],
    [0.3, 1],
  ],
  "augment.jitter.brightness": [0.1, 0.2],
  "augment.jitter.contrast": [0.1, 0.2],
  "augment.jitter.saturation": [0.1, 0.2],
  "augment.jitter.hue": [0.1, 0.2],
};

test("there are test values for each setting that has a rule", () => {
  const ruled = Object.keys(USES).filter((path) => USES[path as keyof typeof USES] !== null);
  expect(Object.keys(VALUES).sort()).toEqual(ruled.sort());
});

const STEPS = 6;
const EPOCHS = 6;

/** Record the actions of a method along a run that show without a GPU, and the settings that it reads. */
async function pruningOf(config: PruneConfig, lr: Recipe["lr"]): Promise<{ shown: string; asked: Set<string> }> {
  const asked = new Set<string>();
  const watched = new Proxy(config, {
    get(target, key, receiver) {
      asked.add(String(key));
      return Reflect.get(target, key, receiver);
    },
  });
  const shape: RunShape = {
    totalSteps: STEPS * EPOCHS,
    mainSteps: STEPS * EPOCHS,
    stepsPerEpoch: STEPS,
    lr: makeLrSchedule(lr, { epochs: EPOCHS, stepsPerEpoch: STEPS }),
    momentum: 0.9,
    seed: 0,
  };
  const method = makePruningMethod(watched, shape);
  const steps = Array.from({ length: STEPS * EPOCHS }, (_, n) => n);
  const along = steps.map((n) => [method.phase(n), method.values(n), method.thresholdAt(n), method.increment(n)]);
  const rehearsed: unknown[] = [];
  const model = {
    parameters: () => [],
    namedParameters: () => [],
    stateDict: async () => new Map(),
    loadStateDict() {},
  };
  const optimizer = { groups: [], reset() {}, bake() {}, setPhase() {} };
  const train = async (n: number, { values }: { values(step: number): unknown }) => {
    rehearsed.push(n, ...Array.from({ length: n }, (_, i) => values(i)));
  };
  if (["snip", "grasp", "random", "at-init"].includes(config.method ?? "soft")) {
    await method.prepare?.({ ...shape, model, optimizer, train } as never).catch(() => {});
  }
  return { shown: JSON.stringify([method.name, method.group, along, rehearsed]), asked };
}

const PRUNED = Object.keys(VALUES).filter((path) => path.startsWith("prune.") || path.startsWith("lr."));
/** These methods act on the GPU, or on the choice of parameters: the evidence is which settings they read. */
const READ_ON_THE_GPU = new Set([
  "gmp",
  "one-shot",
  "imp",
  "snip",
  "grasp",
  "synflow",
  "random",
  "at-init",
  "soft",
  "str",
  "ltp",
]);
/** Methods that need a sparsity, or shares. */
const BY_NUMBER = ["gmp", "one-shot", "imp", "snip", "grasp", "synflow", "random"];

/** The settings that a method requires. */
function complete(method: string, schedule: string, aim: string): Given {
  const given: Given = { epochs: EPOCHS, "prune.method": method };
  if (method === "soft" || method === "at-init") {
    given["prune.schedule"] = schedule;
    if (schedule.startsWith("pgh")) given["prune.beta"] = 0.1;
    if (schedule !== "none") given[`prune.${aim}`] = aim === "sparsity" ? 0.7 : 0.05;
  } else if (BY_NUMBER.includes(method)) given["prune.sparsity"] = 0.7;
  // Two trainings of three epochs.
  if (method === "imp") Object.assign(given, { "prune.rounds": 1, "prune.rewindEpoch": 0 });
  if (method === "grad-r") Object.assign(given, { "prune.threshold": 0.05, "prune.shrink": 0.3 });
  return given;
}

const pruneBase = fc
  .record({
    method: fc.constantFrom(...PRUNING_METHODS),
    schedule: fc.constantFrom(...THRESHOLD_SCHEDULES),
    aim: fc.constantFrom("threshold", "lambda", "sparsity"),
    lr: fc.constantFrom<Given>(
      { "lr.schedule": "constant" },
      { "lr.schedule": "cosine", "lr.warmupEpochs": 1 },
      { "lr.schedule": "multistep", "lr.milestones": [1, 3] },
      { "lr.schedule": "step", "lr.every": 2 },
    ),
  })
  .map(({ method, schedule, aim, lr }) => ({ ...complete(method, schedule, aim), ...lr }));

describe("pruning and learning rates", () => {
  test("every setting changes what the engine does, or is refused by name", async () => {
    let applied = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(pruneBase, fc.constantFrom(...PRUNED), fc.boolean(), async (base, path, first) => {
        const [one, two] = VALUES[path]!;
        const given = { ...base, [path]: first ? one : two };
        const recipe = resolved(given);
        const plain = resolved(base);
        if (Array.isArray(recipe)) {
          // Refused: by name, or for what it contradicts.
          const words = (recipe as readonly string[]).join("\n");
          expect(words).toMatch(/(expected|expected no value)/);
          if (refusal(recipe, path)) refused++;
          return;
        }
        const { prune, lr } = recipe as Recipe;
        const now = await pruningOf(prune, lr);
        // What the run does anyway may be said.
        if (JSON.stringify(USES[path as keyof typeof USES]?.idle) === JSON.stringify(given[path])) return;
        applied++;
        const other = resolved({ ...base, [path]: first ? two : one });
        const views = [plain, other].filter((view): view is Recipe => !Array.isArray(view));
        const shown = await Promise.all(views.map(async (view) => (await pruningOf(view.prune, view.lr)).shown));
        if (shown.some((text) => text !== now.shown)) return;
        const key = path.split(".")[1]!;
        // Chooses parameters, or changes the model between epochs: pruningGroups, session_compact and session_kernels have tests.
        if (key === "dense" || key === "compact" || key === "kernels") return;
        const rates = (view: Recipe) =>
          JSON.stringify(
            Array.from({ length: 30 }, (_, n) => makeLrSchedule(view.lr, { epochs: EPOCHS, stepsPerEpoch: STEPS })(n)),
          );
        if (path.startsWith("lr.")) {
          expect(
            views.map(rates).some((text) => text !== rates(recipe as Recipe)),
            `${JSON.stringify(given)}`,
          ).toBe(true);
          return;
        }
        const { method } = prune;
        expect(
          READ_ON_THE_GPU.has(method) && now.asked.has(key),
          `${path} in ${JSON.stringify(given)} changes nothing`,
        ).toBe(true);
      }),
      { numRuns: 400 },
    );
    expect(applied).toBeGreaterThan(40);
    expect(refused).toBeGreaterThan(40);
  });

  test("a setting refused as idle does not change the engine", async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(pruneBase, fc.constantFrom(...PRUNED), async (base, path) => {
        const [one, two] = VALUES[path]!;
        const given = { ...base, [path]: one };
        const recipe = resolved(given);
        const plain = resolved(base);
        if (!Array.isArray(recipe) || Array.isArray(plain) || !refusal(recipe, path)) return;
        found++;
        const { prune, lr } = plain as Recipe;
        const keys = path.split(".").slice(1);
        const withValue = (value: unknown) =>
          path.startsWith("lr.")
            ? [prune, { ...lr, [keys[0]!]: value }]
            : [{ ...prune, ...((nested({ [path]: value }) as { prune: object }).prune as object) }, lr];
        for (const value of [one, two]) {
          const [p, l] = withValue(value) as [PruneConfig, Recipe["lr"]];
          // An engine that refuses such a setting does not drop it either.
          const shown = await pruningOf(p, l).catch(() => null);
          if (shown) expect(shown.shown, JSON.stringify(given)).toBe((await pruningOf(prune, lr)).shown);
        }
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(50);
  });
});

const DATA = [
  "mnist",
  "fashion-mnist",
  "idx",
  "cifar10",
  "cifar100",
  "images",
  "events",
  "n-mnist",
  "dvs-gesture",
  "cifar10-dvs",
  "npz",
  "table",
];
const dataBase = fc
  .record({ data: fc.constantFrom(...DATA), model: fc.constantFrom(...Object.keys(modelRegistry)) })
  .map(({ data, model }) => ({
    "data.name": data,
    "model.name": model,
    ...(data === "events" ? {} : { "data.dir": "/d" }),
  }));

/** Tests on the network itself for a setting. */
function modelReads(path: string, recipe: Recipe): boolean {
  const input = { channels: 2 * (recipe.model.timeSteps ?? 4), size: 128, classes: 4 };
  const options = spikingOptions(recipe.model, recipe.data.name, new RandomState(0));
  if (path === "model.checkpointBlocks") {
    if (!recipe.model.checkpointBlocks) return true;
    return (
      buildModel(recipe.model.name, input, { activationCheckpoint: true, ...(options ? { spiking: options } : {}) }) !==
      null
    );
  }
  if (path === "model.shortcut") {
    const has = [...buildModel(recipe.model.name, input, defined({ shortcut: recipe.model.shortcut })).namedState()];
    return has.some(([name]) => name.includes("downsample")) === (recipe.model.shortcut === "projection");
  }
  if (path === "model.layers" || path === "model.width") return recipe.model.name === "mlp";
  if (path === "model.timeSteps") return options !== undefined || isEventData(recipe.data.name);
  if (options === undefined) return false;
  if (path !== "model.tau") return Object.hasOwn(options, path.split(".")[1]!);
  const nodes = [...buildModel(recipe.model.name, input, { spiking: { ...options, frames: false } }).namedModules()];
  return nodes.some(([, node]) => node instanceof LIFNode || node instanceof ParametricLIFNode);
}

/** Check that data of this name read a setting. */
function expectReader(path: string, name: string): void {
  if (/^data\.(resize|mean|std|skipBad|mapping|memory|workers)$|^augment\./.test(path)) expect(name).toBe("images");
  else if (/^data\.(inputs|targets|header|testFile|splitSeed|standardise)$/.test(path)) expect(name).toBe("table");
  else if (path === "data.heldOut") expect(["images", "table"]).toContain(name);
  else if (path === "data.by") expect(["events", "n-mnist", "dvs-gesture", "cifar10-dvs"]).toContain(name);
  else if (path === "data.size") expect(name === "images" || isEventData(name)).toBe(true);
  else if (path === "data.limit") expect(name).not.toBe("table");
  else if (path === "data.dir") expect(name).not.toBe("events");
}

describe("data and models", () => {
  const paths = Object.keys(VALUES).filter((path) => !PRUNED.includes(path));
  test("every setting reaches the run, or is refused by name", () => {
    let applied = 0;
    let refused = 0;
    fc.assert(
      fc.property(dataBase, fc.constantFrom(...paths), (base, path) => {
        const [value] = VALUES[path]!;
        const recipe = resolved({ ...base, [path]: value });
        if (Array.isArray(recipe)) {
          expect(recipe.join("\n")).toMatch(new RegExp(`: ${path}: (expected|expected no value: it is for) `));
          if (refusal(recipe as readonly string[], path)) refused++;
          return;
        }
        applied++;
        const run = recipe as Recipe;
        const { name } = run.data;
        if (path.startsWith("model.")) {
          // Networks of 138 million weights take their time.
          if (!/vgg|alexnet|stds/.test(run.model.name))
            expect(modelReads(path, run), `${path} of ${run.model.name}`).toBe(true);
        } else expectReader(path, name);
      }),
      { numRuns: 300 },
    );
    expect(applied).toBeGreaterThan(50);
    expect(refused).toBeGreaterThan(50);
  });
});

test("a written recipe has no idle settings, and reads back the same", () => {
  fc.assert(
    fc.property(fc.oneof(pruneBase, dataBase), fc.constantFrom(...Object.keys(VALUES)), (base, path) => {
      const recipe = resolved({ ...base, [path]: (VALUES[path] as readonly unknown[])[0] });
      if (Array.isArray(recipe)) return;
      expect(resolveRecipe({ text: recipeToYaml(recipe as Recipe) })).toEqual(recipe);
    }),
    { numRuns: 150 },
  );
});

test("every setting of a --method preset is read", () => {
  for (const method of METHOD_NAMES) {
    const flags = settingsFrom({ method, ...(method === "early" ? { freezeEpoch: 2 } : {}) });
    const needed = {
      ...([...BY_NUMBER, "at-init"].includes(method) && { sparsity: 0.5 }),
      ...(method === "imp" && { rounds: 2, rewindEpoch: 0 }),
      ...(method === "grad-r" && { threshold: 0.05, shrink: 0.1 }),
    };
    expect(() => resolveRecipe({ flags: { ...flags, prune: { ...flags.prune, ...needed } } }), method).not.toThrow();
  }
});
