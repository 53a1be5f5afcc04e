// The recipes that come along, against the figures of the papers' configurations: which network, how many steps, what is
// pruned, learning rates, sums of them, and where the threshold stands along the run. No image is read.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  batchCount,
  buildModel,
  makeLrSchedule,
  makePruningMethod,
  modelRegistry,
  pruningGroups,
  type RunShape,
} from "../../src/internal.ts";
import { cubic } from "../../src/prune/schedules/closed_forms.ts";
import { loadRecipe, type Recipe, type RecipeFlags } from "../../src/recipe/recipe.ts";

const folder = new URL("../../recipes/", import.meta.url).pathname;
const files = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith(".yaml")).sort();
const imageNet = files.filter((name) => name.startsWith("imagenet/"));
const load = (name: string, flags: RecipeFlags = {}): Recipe =>
  loadRecipe(join(folder, name), { flags, models: Object.keys(modelRegistry) });

/** Training images of the data sets that have a known number of them. */
const IMAGES: Record<string, number> = {
  images: 1_281_167,
  mnist: 60_000,
  "fashion-mnist": 60_000,
  cifar10: 50_000,
  events: 1024,
};

function shapeOf(recipe: Recipe): RunShape {
  const stepsPerEpoch = batchCount(IMAGES[recipe.data.name]!, recipe.batchSize);
  const mainSteps = stepsPerEpoch * recipe.epochs;
  const lr = makeLrSchedule(recipe.lr, { epochs: recipe.epochs, stepsPerEpoch });
  const { momentum, seed } = recipe;
  return {
    totalSteps: mainSteps + stepsPerEpoch * recipe.finetuneEpochs,
    mainSteps,
    stepsPerEpoch,
    lr,
    momentum,
    seed,
  };
}

/** The rate is constant within an epoch. */
function sumOfRates(recipe: Recipe): number {
  const { lr, stepsPerEpoch } = shapeOf(recipe);
  let sum = 0;
  for (let epoch = 0; epoch < recipe.epochs; epoch++) sum += lr(epoch * stepsPerEpoch) * stepsPerEpoch;
  return sum;
}

/** Threshold after n steps, of D = 1. */
function fractions(name: string) {
  const recipe = load(name, { prune: { threshold: 1 } });
  const shape = shapeOf(recipe);
  const method = makePruningMethod(recipe.prune, shape);
  const at = (n: number) => method.thresholdAt(n)!;
  const epoch = (e: number) => at(e * shape.stepsPerEpoch);
  /** Implied L1 coefficient of an epoch times the sum of all rates: 1 where it is constant. */
  const pressure = (e: number) =>
    ((epoch(e + 1) - epoch(e)) / (shape.stepsPerEpoch * shape.lr(e * shape.stepsPerEpoch))) * sumOfRates(recipe);
  return { recipe, at, epoch, pressure };
}

const thousand = { channels: 3, size: 224, classes: 1000 };
const prunedWeights = ({ model, prune }: Recipe): number =>
  (pruningGroups(buildModel(model.name, thousand), { mode: "latent" }, prune.dense)[0]?.params ?? []).reduce(
    (sum, p) => sum + p.numel,
    0,
  );

describe("every recipe", () => {
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  test.each(files)("%s is valid, has its command, and writes to a folder of its name", (name) => {
    const recipe = load(name);
    const text = readFileSync(join(folder, name), "utf8");
    expect(recipe.out).toBe(`runs/${name.replace(".yaml", "")}`);
    expect(text).toContain(`#   espalier train ${name.replace(".yaml", "")}`);
    if (imageNet.includes(name)) {
      expect(text).toMatch(/^# Source {6}\S/m);
      expect(text).toMatch(/^# Published {3}\S/m);
    }
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(125);
    expect(readme).toContain(`(${name})`);

    const shape = shapeOf(recipe);
    const method = makePruningMethod(recipe.prune, shape);
    expect(method.phase(shape.totalSteps)).toBeTypeOf("string");
    expect(sumOfRates(recipe)).toBeGreaterThan(0);
  });
  test("the table has all recipes and no others", () => {
    const listed = [...readme.matchAll(/\((\S+\.yaml)\)/g)].map((match) => match[1]);
    expect([...new Set(listed)].sort()).toEqual(files);
  });
});

const papers = imageNet.filter((name) => /\/(resnet50|mobilenet_v1)_/.test(name) && !name.endsWith("_ltp.yaml"));

describe("ImageNet", () => {
  test.each(imageNet)("%s: 1000 classes at 224, in parts that a card of 8 GB holds", (name) => {
    const recipe = load(name);
    expect(recipe.data).toEqual({ name: "images", size: 224 });
    expect(recipe.augment).toEqual({ crop: 0, flip: true });
    expect(recipe.microBatch).toBe(recipe.batchSize === 1024 ? 64 : 32);
    expect(shapeOf(recipe).stepsPerEpoch).toBe(recipe.batchSize === 1024 ? 1252 : 5005);
    expect(prunedWeights(recipe)).toBeGreaterThan(3e6);
  });

  test.each(papers)("%s: the configuration of the soft-threshold papers", (name) => {
    const recipe = load(name);
    const large = name.endsWith("_1024.yaml");
    const decay = name.includes("_str") ? { resnet50: 2.251757813e-5, mobilenet: 3.751757813e-5 } : 2 ** -15;
    expect(recipe).toMatchObject({
      model: { name: name.includes("resnet50") ? "resnet-50-lats" : "mobilenet-v1" },
      epochs: 100,
      finetuneEpochs: 0,
      batchSize: large ? 1024 : 256,
      momentum: 0.875,
      nesterov: false,
      labelSmoothing: 0.1,
      weightDecay: typeof decay === "number" ? decay : decay[name.includes("resnet50") ? "resnet50" : "mobilenet"],
      prune: { mode: "latent", dense: [] },
    });
    const base = large ? 0.512 : 0.256;
    expect(recipe.lr).toMatchObject({ schedule: "cosine", base, warmupEpochs: 5, min: 0, per: "epoch" });
    const { lr, stepsPerEpoch } = shapeOf(recipe);
    for (const epoch of [0, 1, 2, 3, 4]) expect(lr(epoch * stepsPerEpoch)).toBeCloseTo((base * (epoch + 1)) / 5, 12);
    expect(lr(5 * stepsPerEpoch)).toBe(base);
    expect(lr(6 * stepsPerEpoch - 1)).toBe(base);
    expect(lr(53 * stepsPerEpoch)).toBeCloseTo((base * (1 + Math.cos((Math.PI * 48) / 95))) / 2, 12);
    expect(sumOfRates(recipe)).toBeCloseTo(large ? 32692.224 : 65345.28, 6);
    expect(prunedWeights(recipe)).toBe(name.includes("resnet50") ? 25_502_912 : 4_209_088);
  });

  const nets = ["resnet50", "mobilenet_v1"];
  test.each(nets)("%s: thresholds along the run are the published ones", (net) => {
    const lats = fractions(`imagenet/${net}_lats.yaml`);
    const published = { 1: 0.0198019801980198, 5: 0.0988634648981343, 10: 0.196633456978017, 25: 0.471806963184737 };
    const later = {
      50: 0.815132381994414,
      75: 0.973857525374702,
      90: 0.998129066050246,
      99: 0.999995114459067,
      100: 1,
    };
    for (const [epoch, f] of Object.entries({ ...published, ...later })) {
      expect(lats.epoch(Number(epoch))).toBeCloseTo(f, 12);
    }
    // The published formula ignores the warm-up.
    const uneven = { 0: 5.0495, 1: 2.5241, 4: 1.0059, 5: 1.0037, 50: 0.9329, 99: 0.9114 };
    for (const [epoch, times] of Object.entries(uneven)) expect(lats.pressure(Number(epoch))).toBeCloseTo(times, 4);

    const slats = fractions(`imagenet/${net}_slats.yaml`);
    expect(slats.at(12345)).toBeCloseTo(0.0493059930815343, 12);
    expect(slats.at(375375)).toBeCloseTo(0.975079079039277, 12);
    expect(slats.at(500_500)).toBe(1);

    const pgh = fractions(`imagenet/${net}_pgh.yaml`);
    expect(pgh.recipe.prune.beta).toBe(0.1);
    const tenths = { 10: 0.317786866055683, 20: 0.558194468714881, 50: 0.921834547129378, 90: 0.999650938049893 };
    for (const [epoch, f] of Object.entries(tenths)) expect(pgh.epoch(Number(epoch))).toBeCloseTo(f, 12);

    const general = fractions(`imagenet/${net}_lats_general.yaml`);
    const summed = { 1: 0.00392156862745098, 5: 0.0588235294117647, 10: 0.156702096631683, 25: 0.438011618147297 };
    const rest = { 50: 0.79992274586288, 75: 0.971416585381873, 90: 0.99794846722029, 99: 0.999994639777852, 100: 1 };
    for (const [epoch, f] of Object.entries({ ...summed, ...rest })) {
      expect(general.epoch(Number(epoch))).toBeCloseTo(f, 12);
    }
    for (const epoch of [0, 4, 5, 50, 90]) expect(general.pressure(epoch)).toBeCloseTo(1, 9);
  });

  test("initial weights: fan_in in all of ResNet-50 and in MobileNet's classifier, PyTorch's default elsewhere", () => {
    const model = (name: string) =>
      new Map(buildModel(load(`imagenet/${name}.yaml`).model.name, thousand).namedParameters());
    /** Standard deviation of the first values times the root of fan_in. */
    const scaled = (net: ReturnType<typeof model>, key: string): number => {
      const weight = net.get(key);
      if (!weight) return Number.NaN;
      const values = weight.initialValues();
      const fanIn = weight.numel / weight.shape[0]!;
      return Math.sqrt((values.reduce((sum, v) => sum + v * v, 0) / values.length) * fanIn);
    };
    const resNet = model("resnet50_lats");
    for (const key of [
      "conv1.weight",
      "layer1.0.conv2.weight",
      "layer2.0.downsample.0.weight",
      "layer1.1.conv3.weight",
    ])
      expect(scaled(resNet, key), key).toBeCloseTo(Math.SQRT2, 1);
    const mobileNet = model("mobilenet_v1_lats");
    expect(scaled(mobileNet, "fc.weight")).toBeCloseTo(Math.SQRT2, 1);
    expect(scaled(mobileNet, "model.5.3.weight")).toBeCloseTo(Math.sqrt(1 / 3), 1);
    // N(0, 2 / fan_out): 3 channels in, 64 out.
    expect(scaled(model("sew_resnet18_sine"), "conv1.weight")).toBeCloseTo(Math.sqrt((2 * 3) / 64), 1);
  });
});

describe("ImageNet, pruning", () => {
  test("lambda in the comments is D over the sum of the rates", () => {
    const lambda = 1 / sumOfRates(load("imagenet/resnet50_lats.yaml"));
    expect(lambda).toBeCloseTo(1.5303e-5, 9);
    expect(lambda * (1 - 0.875)).toBeCloseTo(1.9129e-6, 10);
    for (const name of papers.filter((n) => /_(lats|slats|pgh|lats_general)\.yaml$/.test(n))) {
      const text = readFileSync(join(folder, name), "utf8");
      expect(text).toContain("1.5303e-5 x D");
      expect(text).toContain("1.9129e-6 x D");
      expect(load(name).prune).toMatchObject({ method: "soft", threshold: 0.2, startEpoch: 0 });
    }
  });

  const strTraces: [string, number, Record<number, number>][] = [
    ["resnet50_str90", -3200, { 5: -1600.967, 10: -505.629, 20: -53.43, 30: -6.723 }],
    ["mobilenet_v1_str89", -12800, { 5: -4036.478, 10: -591.317, 20: -13.971, 30: -0.442 }],
  ];
  test.each(strTraces)("%s: decay alone raises s as published", (name, start, trace) => {
    const recipe = load(`imagenet/${name}.yaml`);
    expect(recipe.prune).toMatchObject({ method: "str", str: { start } });
    expect(recipe.prune.str?.decay).toBeUndefined();
    const { lr, stepsPerEpoch, momentum } = shapeOf(recipe);
    let s = start;
    let v = 0;
    for (let n = 0; n < 30 * stepsPerEpoch; ) {
      v = momentum * v + recipe.weightDecay * s;
      s -= lr(n++) * v;
      const want = trace[n / stepsPerEpoch];
      if (want !== undefined) expect(s).toBeCloseTo(want, 2);
    }
  });

  test("GMP cuts once an epoch, from epoch 20 until 90 % are zero at 80", () => {
    const recipe = load("imagenet/resnet50_gmp90.yaml");
    const { startEpoch, window, sparsity, every } = recipe.prune as { [key: string]: number } & Recipe["prune"];
    expect(every).toBe(shapeOf(recipe).stepsPerEpoch);
    const target = (epoch: number) => sparsity! * cubic((epoch - startEpoch) / window!);
    const published = {
      20: 0,
      21: 0.0442541666666667,
      30: 0.379166666666667,
      50: 0.7875,
      79: 0.899995833333333,
      80: 0.9,
    };
    for (const [epoch, share] of Object.entries(published)) expect(target(Number(epoch))).toBeCloseTo(share, 12);
  });

  const sew = imageNet.filter((name) => name.includes("sew_resnet18"));
  test.each(sew)("%s: the configuration of SEW ResNet and STDS", (name) => {
    const recipe = load(name);
    expect(recipe).toMatchObject({
      model: { name: "sew-resnet-18", timeSteps: 4 },
      epochs: 320,
      batchSize: 256,
      momentum: 0.9,
      nesterov: false,
      weightDecay: 0,
      labelSmoothing: 0,
      seed: 2020,
      lr: { schedule: "cosine", base: 0.1, warmupEpochs: 0, min: 0, per: "epoch" },
    });
    // The published run leaves out the last, shorter batch of an epoch.
    expect((sumOfRates(recipe) * 5004) / 5005).toBeCloseTo(80314.2, 6);
    if (name.endsWith("_dense.yaml")) return;
    expect(recipe.prune.dense).toEqual(["last"]);
    expect(prunedWeights(recipe)).toBe(11_166_912);
  });
  test("STDS: linear and sine change lambda, LATS does not", () => {
    const linear = fractions("imagenet/sew_resnet18_linear.yaml");
    const grows = { 0: 0.50156, 160: 1.0031, 240: 3.4249, 300: 52.206, 319: 20815.6 };
    for (const [epoch, times] of Object.entries(grows)) {
      expect(linear.pressure(Number(epoch)) / times).toBeCloseTo(1, 4);
    }
    const sine = fractions("imagenet/sew_resnet18_sine.yaml");
    const along = { 0: 0.0038673, 80: 0.65587, 160: 1.5757, 240: 3.7854, 300: 15.603, 319: 160.5 };
    for (const [epoch, times] of Object.entries(along)) expect(sine.pressure(Number(epoch)) / times).toBeCloseTo(1, 3);
    const lats = fractions("imagenet/sew_resnet18_lats.yaml");
    for (const epoch of [0, 160, 319]) expect(lats.pressure(epoch)).toBeCloseTo(1, 6);
  });

  const ltp = imageNet.filter((name) => name.endsWith("_ltp.yaml"));
  test("LTP: five networks, thirty epochs, two thirds of them for the masks", () => {
    expect(ltp.map((name) => load(name).model.name).sort()).toEqual(
      ["alexnet", "efficientnet-b0", "mixnet-s", "mobilenet-v2", "resnet-50"].sort(),
    );
    for (const name of ltp) {
      const recipe = load(name);
      expect(recipe).toMatchObject({ epochs: 30, trail: "all", prune: { method: "ltp", freezeEpoch: 20 } });
      const { stepsPerEpoch, ...shape } = shapeOf(recipe);
      const method = makePruningMethod(recipe.prune, { stepsPerEpoch, ...shape });
      expect([method.phase(20 * stepsPerEpoch - 1), method.phase(20 * stepsPerEpoch)]).toEqual(["prune", "mask"]);
    }
  });
});

describe("small twins", () => {
  test("have the settings of their originals", () => {
    const pairs = [
      ...["dense", "lats", "slats", "pgh"].flatMap((kind) => [
        [`resnet8_mnist_${kind}`, `resnet50_${kind}`],
        [`mobilenet_mnist_${kind}`, `mobilenet_v1_${kind}`],
      ]),
      ...["dense", "sine", "linear", "lats"].map((kind) => [`sew_net_fashion_${kind}`, `sew_resnet18_${kind}`]),
      ["resnet8_mnist_early", "resnet50_early"],
    ];
    for (const [small, large] of pairs) {
      const { prune, momentum, weightDecay, labelSmoothing, nesterov } = load(`imagenet/${large}.yaml`);
      const { threshold: _d, freezeEpoch: _f, ...same } = prune;
      expect(load(`small/${small}.yaml`)).toMatchObject({
        ...{ momentum, weightDecay, labelSmoothing, nesterov },
        prune: same,
      });
    }
  });
  test("the published ResNet-20 is pruned to 90 % in four epochs of padded crops, in both forms", () => {
    const common = {
      data: { name: "images", size: 32 },
      model: { name: "resnet-20" },
      ...{ epochs: 4, batchSize: 128, momentum: 0.9, nesterov: false, weightDecay: 1e-4, labelSmoothing: 0 },
      lr: { schedule: "cosine", base: 0.05, warmupEpochs: 0, min: 0, per: "step" },
      augment: { crop: 4, flip: true },
    };
    const prune = { method: "soft", schedule: "lats", sparsity: 0.9, mode: "latent", dense: [] };
    expect(load("small/resnet20_published_90.yaml")).toMatchObject({
      ...common,
      prune: { ...prune, steer: "threshold" },
    });
    expect(load("small/resnet20_published_90_lambda.yaml")).toMatchObject({
      ...common,
      prune: { ...prune, steer: "lambda" },
    });
    expect(load("small/resnet20_published_dense.yaml")).toMatchObject({ ...common, prune: { schedule: "none" } });
  });
  test("the sweeps have the stated rates and range of lambda", () => {
    const sums = { mnist_cnn: 20, resnet20_cifar10_lats: 100, resnet32_cifar10_lats: 100, spiking_cifar10: 60 };
    for (const [name, epochs] of Object.entries(sums)) {
      const recipe = load(`small/${name}.yaml`);
      expect(recipe).toMatchObject({ epochs, weightDecay: 0, momentum: 0.9, prune: { schedule: "lats" } });
      const seen = recipe.prune.lambda! * (1 - recipe.momentum);
      expect(seen).toBeGreaterThanOrEqual(1e-6);
      expect(seen).toBeLessThanOrEqual(1e-3);
    }
    expect(load("small/resnet20_cifar10_lats.yaml")).toMatchObject({
      batchSize: 128,
      lr: { base: 0.1, warmupEpochs: 5 },
      augment: { crop: 4, flip: true },
    });
    expect(load("small/mnist_cnn.yaml")).toMatchObject({ batchSize: 128, lr: { base: 0.05, warmupEpochs: 1 } });
    expect(load("small/spiking_cifar10.yaml")).toMatchObject({ batchSize: 64, lr: { base: 0.1, warmupEpochs: 0 } });
  });
});
