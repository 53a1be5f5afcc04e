// Numbers in files by the command: train, resume, test, predict, choose from the trail, compare and inspect.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { espalierHere } from "../support/cli_here.ts";
import { randomArray } from "../support/random.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-table-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (...names: string[]) => join(scratch, ...names);
const json = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const result = (run: string) => JSON.parse(readFileSync(at(run, "result.json"), "utf8")) as Record<string, unknown>;

/** Samples of four inputs: a price, a class and two labels follow from them. */
function samples(count: number, seed: number): string {
  const x = randomArray(4 * count, seed);
  const lines = Array.from({ length: count }, (_, i) => {
    const [a, b, c, d] = x.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    const price = 50_000 + 9000 * a - 4000 * b + 2000 * a * b;
    return [20 + 3 * a, b, c, 1000 * d, price, c > 0 ? "up" : "down", a > 0 ? 1 : 0, b > 0.5 ? 1 : 0].join(",");
  });
  return `area,age,slope,noise,price,trend,large,old\n${lines.join("\n")}\n`;
}

const INPUTS = "area,age,slope,noise";
const common = ["--data", "table", "--batch-size", "16"];
const train = (out: string, ...flags: string[]) =>
  espalierHere([
    ...["train", ...common, "--epochs", "6", "--inputs", INPUTS, "--out", at(out)],
    ...(flags.includes("--data-dir") ? [] : ["--data-dir", at("homes.csv")]),
    ...flags,
  ]);

beforeAll(() => writeFileSync(at("homes.csv"), samples(400, 1)));

describe("a regression", () => {
  const flags = [
    "--targets",
    "price",
    "--width",
    "16",
    "--sparsity",
    "0.5",
    "--steer",
    "threshold",
    "--trail",
    "--finetune",
    "1",
  ];
  beforeAll(async () => {
    const { code, err, out } = await train("price", ...flags);
    expect(code, err).toBe(0);
    expect(err).toMatch(/epoch 6\/7 {2}loss \d\.\d{4} {2}test rmse [\d.]+ {2}sparsity 50\.\d\d %/);
    expect(out).toMatch(/before fine-tuning: test rmse [\d.]+, sparsity/);
    expect(out).toMatch(/^test rmse [\d.]+, mae [\d.]+, r2 0\.9\d+, sparsity 50\.\d\d %, loss 0\.\d{4}; /m);
  });

  test("names its metric in result.json, card and metrics, in the units of the data", () => {
    const { metric, score, accuracy, sparsity, ...others } = result("price") as Record<string, number | string | null>;
    const metrics = others["metrics"] as unknown as Record<string, number>;
    expect(metric).toBe("rmse");
    expect(accuracy).toBeNull();
    expect(score).toBe(metrics["rmse"]);
    expect(score).toBeGreaterThan(100);
    expect(score).toBeLessThan(4000);
    expect(metrics["r2"]).toBeGreaterThan(0.8);
    expect(Math.abs((sparsity as number) - 0.5)).toBeLessThan(0.01);
    const card = readFileSync(at("price", "README.md"), "utf8");
    expect(card).toMatch(/- `rmse`: [\d.]+/);
    expect(card).toContain("- Targets: `price`");
    expect(card).not.toContain("Accuracy:");
    const epochs = json(readFileSync(at("price", "metrics.jsonl"), "utf8")).filter(({ kind }) => kind === "epoch");
    expect(epochs.at(-1)!["metrics"]).toEqual(metrics);
    expect(readFileSync(at("price", "plot.svg"), "utf8")).toContain("rmse");
  });

  test("is tested again with the same numbers, and on another file", async () => {
    const { code, out, err } = await espalierHere(["eval", at("price"), "--json"]);
    expect(code, err).toBe(0);
    const again = json(out).at(-1)!;
    expect(again).toMatchObject({ metric: "rmse", samples: 40 });
    // Batches of another size: the sums are rounded in another order.
    expect((again["score"] as number) / (result("price")["score"] as number)).toBeCloseTo(1, 6);
    writeFileSync(at("later.csv"), samples(50, 2));
    const other = await espalierHere(["eval", at("price"), "--test-file", at("later.csv"), "--json"]);
    expect(other.code, other.err).toBe(0);
    expect(json(other.out).at(-1)).toMatchObject({ metric: "rmse", samples: 50 });
  });

  test("predicts rows in the units of the data", async () => {
    writeFileSync(at("new.csv"), samples(30, 3));
    const output = at("predicted.csv");
    const { code, err } = await espalierHere([
      ...[
        "predict",
        "--weights",
        at("price", "model.sparse.safetensors"),
        "--input",
        at("new.csv"),
        "--output",
        output,
      ],
    ]);
    expect(code, err).toBe(0);
    const [head, ...rows] = readFileSync(output, "utf8").trim().split("\n");
    expect(head).toBe("price");
    const prices = readFileSync(at("new.csv"), "utf8").trim().split("\n").slice(1);
    const errors = rows.map((value, i) => Number(value) - Number(prices[i]!.split(",")[4]));
    expect(Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / 30)).toBeLessThan(5000);
    writeFileSync(at("few.csv"), "area,age\n1,2\n");
    const refused = await espalierHere([
      "predict",
      "--weights",
      at("price", "model.safetensors"),
      "--input",
      at("few.csv"),
    ]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("few.csv: inputs: expected columns of area, age, got slope");
  });

  test("has a trail by its metric, from which a bound chooses", async () => {
    const { code, out, err } = await espalierHere(["trail", at("price"), "--bound", "1e9"]);
    expect(code, err).toBe(0);
    expect(out).toContain("rmse");
    expect(out).toMatch(/the sparsest with at most rmse 1e9: rmse [\d.]+, sparsity/);
    const wrong = await espalierHere(["trail", at("price"), "--min-accuracy", "0.9"]);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("--min-accuracy: is for trails scored by accuracy, this one is by rmse: use --bound");
  });

  test("is compared with runs of its metric only", async () => {
    expect((await train("other", "--targets", "price", "--seed", "1")).code).toBe(0);
    const { code, out, err } = await espalierHere([
      "compare",
      at("price"),
      at("other"),
      "--out",
      at("c.html"),
      "--json",
    ]);
    expect(code, err).toBe(0);
    expect(out).toContain('"metric":"rmse"');
    expect(readFileSync(at("c.html"), "utf8")).toContain("Rmse against sparsity of all runs");
    expect((await train("trend", "--targets", "trend")).code).toBe(0);
    const refused = await espalierHere(["compare", at("price"), at("trend"), "--out", at("d.html")]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("expected runs of one metric, rmse as in");
  });
});

describe("a resumed run", () => {
  test("has the bits of an uninterrupted one, and refuses other numbers", async () => {
    const flags = ["--targets", "price", "--checkpoint-every", "1"];
    const steady = ["--lr-schedule", "multistep", "--method", "dense"];
    writeFileSync(at("steady.yaml"), "lr: { milestones: [1] }\n");
    const own = (out: string, epochs: string) =>
      espalierHere([
        "train",
        at("steady.yaml"),
        ...common,
        "--data-dir",
        at("homes.csv"),
        "--inputs",
        INPUTS,
        ...flags,
        ...steady,
        "--out",
        at(out),
        "--epochs",
        epochs,
      ]);
    expect((await own("straight", "4")).code).toBe(0);
    expect((await own("stopped", "2")).code).toBe(0);
    const resumed = await espalierHere(["train", "--resume", at("stopped"), "--epochs", "4"]);
    expect(resumed.code, resumed.err).toBe(0);
    const weights = (run: string) => readFileSync(at(run, "model.safetensors")).subarray(-1000).toString("base64");
    expect(weights("stopped")).toBe(weights("straight"));
    writeFileSync(at("homes.csv"), samples(400, 9));
    try {
      const { code, err } = await espalierHere(["train", "--resume", at("stopped"), "--epochs", "5"]);
      expect(code).toBe(2);
      expect(err).toContain("other data: the training part has 360 samples as before, but others, or in another order");
    } finally {
      writeFileSync(at("homes.csv"), samples(400, 1));
    }
  });
});

describe("other targets", () => {
  test("text is classes: accuracy, predictions by name", async () => {
    const { code, err } = await train("classes", "--targets", "trend", "--method", "dense");
    expect(code, err).toBe(0);
    expect(result("classes")).toMatchObject({ metric: "accuracy" });
    expect(result("classes")["accuracy"]).toBeGreaterThan(0.85);
    const { out } = await espalierHere([
      ...["predict", "--weights", at("classes", "model.safetensors"), "--input", at("homes.csv"), "--json"],
    ]);
    const { guesses } = json(out).find(({ kind }) => kind === "prediction") as { guesses: { name: string }[] };
    expect(["up", "down"]).toContain(guesses[0]!.name);
    expect((await espalierHere(["eval", at("classes")])).out).toMatch(/accuracy [\d.]+ % \(\d+ of 40\)/);
  });

  test("several labels with bce-with-logits: F1 and label accuracy", async () => {
    const { code, err } = await train(
      ...([
        "labels",
        "--targets",
        "large,old",
        "--loss",
        "bce-with-logits",
        "--method",
        "dense",
        "--lr",
        "0.1",
      ] as const),
    );
    expect(code, err).toBe(0);
    const { metric, metrics } = result("labels") as { metric: string; metrics: Record<string, number> };
    expect(metric).toBe("f1");
    expect(metrics["label-accuracy"]).toBeGreaterThan(0.8);
    const { out } = await espalierHere([
      "predict",
      "--weights",
      at("labels", "model.safetensors"),
      "--input",
      at("homes.csv"),
    ]);
    expect(out).toMatch(/^row 2: large [\d.]+ %, old [\d.]+ %$/m);
  });
});

test("inspect shows parts, columns and scales", async () => {
  const { code, out, err } = await espalierHere(["inspect", at("homes.csv"), "--inputs", INPUTS, "--targets", "price"]);
  expect(code, err).toBe(0);
  expect(out).toContain("train    360 from homes.csv");
  expect(out).toContain("test     40 held out 0.1 of homes.csv (seed 0)");
  expect(out).toMatch(/inputs {3}area \([\d.]+ ± [\d.]+\), age /);
  expect(out).toMatch(/targets {2}price \(/);
});

test("a dry run shows loss and targets", async () => {
  const { code, out, err } = await train("dry", "--targets", "price", "--dry-run");
  expect(code, err).toBe(0);
  expect(out).toContain("targets of 1 number, [4]");
  expect(out).toMatch(/^loss {6}mse$/m);
});

test.each([
  ["no file", ["--targets", "price"], ["--data-dir", "nowhere.csv"], "nowhere.csv: no such file or folder"],
  ["no targets", [], [], "targets: expected the columns to predict (--targets)"],
  [
    "a metric of classes",
    ["--targets", "price", "--metrics", "accuracy"],
    [],
    "metrics: expected a metric of numbers, got accuracy",
  ],
  [
    "a loss of classes for numbers",
    ["--targets", "large,old", "--loss", "cross-entropy"],
    [],
    "targets: expected one column of classes, got 2 columns",
  ],
  ["an unknown metric", ["--targets", "price", "--metrics", "rmsq"], [], "expected different names of accuracy, mse"],
  [
    "a network for images",
    ["--targets", "price", "--model", "lenet-bn", "--method", "dense"],
    [],
    "model lenet-bn: expected images",
  ],
])("%s is refused", async (_, flags, more, message) => {
  const { code, err } = await train("refused", ...flags, ...more);
  expect(code).not.toBe(0);
  expect(err).toContain(message);
});
