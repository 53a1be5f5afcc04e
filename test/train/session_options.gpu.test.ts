// Options of a session that are refused, and the order of its callbacks and loggers.
import { expect, test } from "vitest";
import { arrayDataset, DataLoader, normalisationTable, randomCrop } from "../../src/data/index.ts";
import { onWarning } from "../../src/gpu/index.ts";
import { Linear } from "../../src/nn/index.ts";
import { enableWeightGroups, SGD } from "../../src/optim/index.ts";
import { pruningGroups } from "../../src/prune/index.ts";
import { Scope } from "../../src/tensor/index.ts";
import {
  type Logger,
  type RunSettings,
  Session,
  type SessionOptions,
  type StepInputs,
  TrainStep,
  uploadBatch,
} from "../../src/train/index.ts";
import { circle, products, smallNet, squaredError } from "../support/points.ts";
import { squares } from "../support/shapes.ts";

const data = circle(60, 1);
const images = squares(8, 8, 1);
const config: RunSettings = { epochs: 2, batchSize: 32, logEvery: 1 };
const sgd = (more: object = {}) => {
  const model = smallNet();
  return { model, optimizer: new SGD(model.parameters(), { lr: 0.1, ...more }) };
};
const named = { name: "own", group: { mode: "latent" } } as const;

const cases: [string, () => object, string][] = [
  ["an unknown option", () => ({ metric: {} }), "Session: unknown option metric, expected model"],
  ["the data sets of former versions", () => ({ train: data }), "Session: unknown option train"],
  ["no model", () => ({ model: undefined }), "Session: model: expected a module, got undefined"],
  ["no data", () => ({ data: undefined }), "Session: data: expected data sets or arrays, got undefined"],
  ["data of another kind", () => ({ data: { labels: [] } }), "train: expected a data set or arrays { x, y }, got an"],
  ["a test set alone", () => ({ data: { test: data } }), "Session: data: train: expected a data set or arrays, got"],
  ["a third set", () => ({ data: { train: data, valid: data } }), "Session: data: unknown option valid"],
  ["parts of unequal shape", () => ({ data: { train: data, test: images } }), "test samples: expected [2]"],
  [
    "parts of unequal type",
    () => ({ data: { train: data, test: { ...data, y: Float32Array.from(data.y) } } }),
    "train: test samples: expected f32 with targets i32 [] as the training samples, got f32 with targets f32 []",
  ],
  ["an unknown setting", () => ({ config: { epoch: 1 } }), "config: unknown option epoch, expected epochs"],
  ["settings that are no object", () => ({ config: 3 }), "Session: config: expected an object, got number"],
  ["a setting out of range", () => ({ config: { lr: -1 } }), "learning-rate schedule: base: expected a number > 0"],
  [
    "half an epoch",
    () => ({ schedule: { lr: () => 1 }, config: { epochs: 0.5 } }),
    "epochs: expected an integer >= 1, got 0.5",
  ],
  ["no records", () => ({ config: { logEvery: 0 } }), "logEvery: expected an integer >= 1, got 0"],
  ["augmented arrays", () => ({ config: { augment: { crop: 1 } } }), "data set train holds arrays; augment them with"],
  [
    "two augmentations",
    () => ({ data: images, transform: randomCrop(1), config: { augment: { flip: true } } }),
    "nothing beside config.augment",
  ],
  ["an image transform of arrays", () => ({ transform: randomCrop(1) }), "expected a function for arrays, got object"],
  [
    "a function of images",
    () => ({ data: images, transform: () => {} }),
    "transform: expected an ImageTransform, got function",
  ],
  ["a loss that is no function", () => ({ loss: "mse" }), "Session: loss: expected a function of outputs and targets"],
  [
    "a metric that is no function",
    () => ({ metrics: { a: 1 } }),
    "Session: metrics: a: expected a function of outputs",
  ],
  [
    "label smoothing beside a loss",
    () => ({ loss: squaredError, config: { labelSmoothing: 0.1 } }),
    "Session: config.labelSmoothing: expected 0 beside a custom loss, got 0.1",
  ],
  ["an unknown schedule", () => ({ schedule: { rate: () => 1 } }), "Session: schedule: unknown option rate"],
  ["a schedule that is no function", () => ({ schedule: { lr: 1 } }), "Session: schedule.lr: expected a function of"],
  [
    "two learning rates",
    () => ({ schedule: { lr: () => 1 }, config: { lr: 0.1 } }),
    "Session: schedule.lr: expected nothing beside config.lr",
  ],
  [
    "two thresholds",
    () => ({ schedule: { threshold: () => 0 }, config: { prune: { threshold: 0.1 } } }),
    "pruning: schedule: expected nothing beside schedule.threshold, got lats",
  ],
  [
    "a window beside a threshold function",
    () => ({ schedule: { threshold: () => 0 }, config: { prune: { window: 1 } } }),
    "pruning: window: expected nothing beside schedule.threshold, got 1",
  ],
  ["a method by name", () => ({ method: "lats" }), "Session: method: expected a pruning method or a function"],
  ["a method without a name", () => ({ method: { group: {} } }), "pruning method: name: expected a name, got"],
  ["a method without a group", () => ({ method: { name: "own" } }), "pruning method: group: expected options such as"],
  ["an unknown member", () => ({ method: { ...named, fase: () => "mask" } }), "pruning method: unknown option fase"],
  [
    "a member that is no function",
    () => ({ method: { ...named, values: {} } }),
    "pruning method: values: expected a function, got object",
  ],
  [
    "pruning settings beside a method",
    () => ({ method: named, config: { prune: { sparsity: 0.5 } } }),
    "pruning: sparsity: expected nothing beside a custom method, got 0.5",
  ],
  [
    "a threshold function beside a method",
    () => ({ method: named, schedule: { threshold: () => 0 } }),
    "schedule.threshold: expected nothing beside a custom method",
  ],
  [
    "an optimizer by name",
    () => ({ optimizer: "adam" }),
    "Session: optimizer: expected an SGD, an Adam or another optimizer, or a function",
  ],
  [
    "a function that makes none",
    () => ({ optimizer: () => 1 }),
    "expected the function to return an optimizer, got number",
  ],
  ["a rate beside an optimizer", () => ({ ...sgd(), config: { lr: 1 } }), "config.lr: expected nothing beside an"],
  [
    "decay beside an optimizer",
    () => ({ ...sgd(), config: { weightDecay: 0 } }),
    "config.weightDecay: expected nothing",
  ],
  ["a schedule beside an optimizer", () => ({ ...sgd(), schedule: { lr: () => 1 } }), "schedule.lr: expected nothing"],
  [
    "an optimizer without the method's mode",
    () => ({ ...sgd(), config: { prune: { threshold: 0.1 } } }),
    "optimizer: expected a group of mode latent for method lats, got groups of mode none",
  ],
  [
    "an optimizer with groups of weights that the method does not have",
    () => {
      enableWeightGroups();
      return { ...sgd({ mode: "latent", group: "block8" }), config: { prune: { threshold: 0.1 } } };
    },
    "optimizer: expected group none for method lats, got block8",
  ],
  [
    "an optimizer with a threshold schedule",
    () => ({ ...sgd({ mode: "latent", threshold: 0.1 }), config: { prune: { threshold: 0.1 } } }),
    "optimizer: expected groups without a threshold, which the session sets",
  ],
  [
    "an optimizer of another model",
    () => ({ optimizer: sgd().optimizer }),
    "optimizer: expected all parameters of the model, got none of 0.weight, 0.bias, 2.weight and 3 more",
  ],
  [
    "a made optimizer with its own rates",
    () => ({ optimizer: (groups: never) => new SGD(groups, { lr: () => 1 }) }),
    "optimizer: expected groups without a schedule for lr, which the session sets; use schedule.lr",
  ],
  ["a callback that is no function", () => ({ onEpoch: 1 }), "Session: onEpoch: expected a function, got number"],
  ["a logger without log", () => ({ loggers: [{}] }), "Session: loggers[0]: expected an object with a function log"],
  ["settings that are null", () => ({ config: null }), "Session: config: expected an object, got null"],
  ["data without targets", () => ({ data: [[1, 2]] }), "Session: data: expected data sets or arrays, got a list"],
  ["a rate as text", () => ({ config: { lr: "0.1" } }), "config: lr: expected a number or an object of settings, got"],
  [
    "pruning by name",
    () => ({ config: { prune: "lats" } }),
    "config: prune: expected an object of settings, got string",
  ],
  ["no epochs", () => ({ config: { epochs: 0 } }), "epochs: expected an integer >= 1, got 0"],
  ["epochs as text", () => ({ config: { epochs: "2" } }), 'epochs: expected an integer >= 1, got "2"'],
  [
    "fine-tuning as text",
    () => ({ config: { finetuneEpochs: "1" } }),
    'finetuneEpochs: expected an integer >= 0, got "1"',
  ],
  ["negative fine-tuning", () => ({ config: { finetuneEpochs: -1 } }), "finetuneEpochs: expected an integer >= 0"],
  ["Nesterov by name", () => ({ config: { nesterov: "yes" } }), "nesterov: expected true or false, got yes"],
  ["a micro-batch as text", () => ({ config: { microBatch: "8" } }), 'microBatch: expected an integer >= 1, got "8"'],
  ["a fraction as seed", () => ({ config: { seed: 0.5 } }), "seed: expected an integer in 0..4294967295, got 0.5"],
  [
    "one milestone",
    () => ({ config: { lr: { schedule: "multistep", milestones: 3 } } }),
    "milestones: expected a list of epochs, got 3",
  ],
  ["a function as schedule", () => ({ schedule: () => 1 }), "schedule: expected an object { lr, threshold } of"],
  ["a number as random state", () => ({ random: 3 }), "Session: random: expected a RandomState, got number"],
  ["replay by name", () => ({ replay: "no" }), "Session: replay: expected true or false, got string"],
  ["an object as model", () => ({ model: { namedParameters() {} } }), "Session: model: expected a module, got object"],
  ["a logger alone", () => ({ loggers: {} }), "Session: loggers: expected a list of loggers, got object"],
];
test.each(cases)("refuses %s", (_, options, message) => {
  const open = () => new Session({ model: smallNet(), data, ...options() } as SessionOptions);
  expect(open).toThrow(message);
});

const logger = (name: string, calls: string[]): Logger => ({
  log: async ({ kind, step }) => {
    await Promise.resolve();
    calls.push(`${name} ${kind} ${step}`);
  },
  close: () => calls.push(`${name} close`),
});

test("calls onStep, then onRecord, the loggers and onEpoch, then the callbacks of fit; closes loggers at the end", async () => {
  const calls: string[] = [];
  const session = new Session({
    model: smallNet(),
    data,
    config: { ...config, epochs: 1 },
    onStep: ({ step }) => void calls.push(`onStep ${step}`),
    onRecord: ({ kind, step }) => calls.push(`onRecord ${kind} ${step}`),
    onEpoch: ({ epoch }) => calls.push(`onEpoch ${epoch}`),
    loggers: [logger("first", calls), logger("second", calls)],
  });
  await session.fit({ onRecord: ({ kind, step }) => void calls.push(`fit ${kind} ${step}`) });
  const record = (kind: string, step: number, ...more: string[]) =>
    [`onRecord ${kind} ${step}`, `first ${kind} ${step}`, `second ${kind} ${step}`, ...more].concat(
      `fit ${kind} ${step}`,
    );
  expect(calls.filter((call) => call.startsWith("onStep"))).toEqual(["onStep 1", "onStep 2"]);
  expect(calls.filter((call) => !call.startsWith("onStep"))).toEqual([
    ...record("step", 1),
    ...record("step", 2),
    ...record("epoch", 2, "onEpoch 1"),
    "first close",
    "second close",
  ]);
  session.dispose();
  expect(calls.filter((call) => call.endsWith("close"))).toHaveLength(2);
});

test("an aborted run keeps its loggers open until it is disposed", async () => {
  const calls: string[] = [];
  const stop = new AbortController();
  const session = new Session({ model: smallNet(), data, config, loggers: [logger("l", calls)] });
  await session.fit({ signal: stop.signal, onStep: () => stop.abort() });
  expect(calls).not.toContain("l close");
  await session.fit();
  expect(calls.at(-1)).toBe("l close");
  session.dispose();

  const other = new Session({ model: smallNet(), data, config, loggers: [logger("m", calls)] });
  other.dispose();
  expect(calls.at(-1)).toBe("m close");
});

test("an error of a callback or a logger ends the run, after the loggers were closed", async () => {
  const calls: string[] = [];
  const failing: Logger = {
    log: () => {
      throw new Error("the disk is full");
    },
  };
  const session = new Session({ model: smallNet(), data, config, loggers: [failing, logger("l", calls)] });
  await expect(session.fit()).rejects.toThrow("the disk is full");
  expect(calls).toEqual(["l close"]);
  session.dispose();
});

test("warns if a logger cannot be closed while the session is disposed", async () => {
  const warnings: string[] = [];
  const restore = onWarning((message) => warnings.push(message));
  const close = () => Promise.reject(new Error("the disk is full"));
  new Session({ model: smallNet(), data, loggers: [{ log: () => {}, close }] }).dispose();
  await new Promise((resolve) => setTimeout(resolve));
  restore();
  expect(warnings).toEqual(["Session: a logger could not be closed: Error: the disk is full"]);
});

test("reports shape and classes of arrays", () => {
  const open = (set: ReturnType<typeof arrayDataset>, more: Partial<SessionOptions> = {}) => {
    const session = new Session({ model: new Linear(2, 2), data: set, ...more });
    const { sample, classes, stepsPerEpoch } = session;
    session.dispose();
    return { sample, classes, stepsPerEpoch };
  };
  expect(open(arrayDataset(data))).toEqual({ sample: [2], classes: 2, stepsPerEpoch: 2 });
  const numbers = arrayDataset({ ...products(60, 1), shape: [2] });
  expect(open(numbers, { loss: squaredError })).toEqual({ sample: [2], classes: 0, stepsPerEpoch: 2 });
});

test("uploads batches of arrays and of images for a custom loop", async () => {
  using _scope = new Scope();
  const points = arrayDataset({ ...products(5, 1), shape: [2] });
  for await (const batch of new DataLoader({ dataset: points, batchSize: 5 })) {
    const { x, y } = uploadBatch(points, batch);
    expect([x.shape, y.shape, y.dtype]).toEqual([[5, 2], [5, 2], "f32"]);
    expect(await y.data()).toEqual(points.y);
  }
  for await (const batch of new DataLoader({ dataset: images, batchSize: 8 })) {
    const { x, y } = uploadBatch(images, batch);
    expect([x.shape, y.dtype]).toEqual([[8, ...images.shape], "i32"]);
    const table = normalisationTable(images);
    expect(await x.data()).toEqual(Float32Array.from(images.images, (byte) => table[byte]!));
    expect([...(await y.data())]).toEqual([...images.labels]);
  }
});

test("a training step alone counts its steps and moves dropout, rates and thresholds", async () => {
  const train = async (steps: readonly StepInputs[]) => {
    const model = smallNet(0.5);
    const moves = { lr: (n: number) => 0.1 / (1 + n), threshold: (n: number) => 0.02 * n, momentum: 0.9 };
    const optimizer = new SGD(pruningGroups(model, { mode: "latent" }), moves);
    const step = new TrainStep({ model, optimizer, sample: [2] });
    for (const inputs of steps) step.run({ ...data, size: 60 }, inputs);
    const losses = (await step.read(0, 4)).steps.map(({ loss }) => loss);
    const zeros = (await optimizer.counts()).map(({ nonzero, param }) => param.numel - nonzero);
    for (const part of [step, optimizer, model]) part.dispose();
    return { losses, zeros };
  };
  const alone = await train([{}, {}, {}, {}]);
  expect(new Set(alone.losses).size).toBe(4);
  expect(alone.zeros[0]).toBeGreaterThan(5);
  expect(await train([0, 1, 2, 3].map((step) => ({ step })))).toEqual(alone);
});
