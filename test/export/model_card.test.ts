// Model cards: their contents, and escaping of names.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ModelCardFacts, modelCard } from "../../src/export/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { pruningReport } from "../../src/train/index.ts";

const model = buildModel("lenet-bn", { channels: 1, size: 28, classes: 10 });
const layers = [...model.namedParameters()]
  .filter(([, p]) => p.prunable)
  .map(([name, p]) => ({ name, shape: p.shape, weights: p.numel, zeros: Math.floor(p.numel * 0.9) }));

const facts: ModelCardFacts = {
  model: "lenet-bn",
  input: [1, 28, 28],
  classes: 10,
  parameters: 105218,
  data: "mnist",
  testSamples: 10000,
  accuracy: 0.98765,
  loss: 0.0421,
  measuredOn: "all 10,000 test images, after the last epoch",
  method: "soft",
  threshold: 0.0123456789,
  layers,
  report: pruningReport(model, [1, 28, 28], layers),
  command: "espalier train --recipe mnist_lenet",
  recipe: "model:\n  name: lenet-bn\n",
  seed: 3,
  epochs: 2,
  steps: 938,
  seconds: 75.25,
  engine: { version: "0.1.0", commit: "abc123", others: ["node 20.19.4"] },
  adapter: "llvmpipe",
  software: true,
  files: [{ name: "model.safetensors", holds: "effective weights" }],
};

describe("contents", () => {
  const card = modelCard(facts);

  test("has its sections in order", () => {
    expect(card.match(/^#+ .*/gm)).toEqual([
      "# `lenet-bn` on `mnist`, 89.99 % sparse",
      ...["Model", "Data", "Evaluation", "Sparsity", "Compression", "Training", "Recipe", "Files", "Limits"].map(
        (name) => `## ${name}`,
      ),
    ]);
  });

  test("has every number once, with its unit", () => {
    for (const line of [
      "- Parameters: 105,218",
      "- Final threshold: 0.0123457",
      "- Accuracy: 98.76 % (top 1)",
      "- Loss: 0.0421",
      "- Measured on: `all 10,000 test images, after the last epoch`",
      "- Seed: 3",
      "- Time: 1 min 15 s",
      "- Engine: espalier `0.1.0`, `abc123`, `node 20.19.4`",
      "- Adapter: `llvmpipe` (software: its times do not apply to a GPU)",
      "| `model.safetensors` | `effective weights` |",
    ])
      expect(card.split("\n")).toContain(line);
    expect(card).toContain("```sh\nespalier train --recipe mnist_lenet\n```");
    expect(card).toContain("```yaml\nmodel:\n  name: lenet-bn\n```");
  });

  test("has zeros and multiply-adds of every layer and in total", () => {
    const rows = card.split("\n").filter((line) => /^\| (`\d\.weight`|all)/.test(line));
    const cells = rows.map((row) => row.split(" | ").map((cell) => cell.replaceAll("|", "").trim()));
    expect(cells.map((c) => c[0])).toEqual([...layers.map((l) => `\`${l.name}\``), "all"]);
    // 8 x 1 x 5 x 5 weights at 14 x 14 positions.
    expect(cells[0]).toEqual(["`0.weight`", "8x1x5x5", "200", "180", "90.00 %", "39,200", "3,920"]);
    const { macs, sparseMacs } = facts.report;
    expect(cells.at(-1)?.slice(-2)).toEqual([macs, Math.round(sparseMacs)].map((n) => n.toLocaleString("en-US")));
    expect(card).toContain(`(FLOPs): ${(2 * macs).toLocaleString("en-US")} dense`);
    expect(card).toContain("of one sample, in convolutions");
  });

  test("has the input scaling, the plot and code samples", () => {
    const use = [{ how: "In a shell", language: "sh", code: "espalier eval runs/a" }];
    const long = modelCard({ ...facts, normalise: { mean: [0.13066047], std: [0.30810779] }, plot: "plot.png", use });
    expect(long).toContain("(byte / 255 - mean) / std with mean 0.13066 and std 0.308108\n");
    expect(long).toContain("![Curves of the run](plot.png)\n");
    expect(long).toContain("## Use\n\nIn a shell:\n\n```sh\nespalier eval runs/a\n```\n");
    expect(card).not.toMatch(/## Use|!\[/);
  });

  test("omits missing facts", () => {
    const { threshold, loss, seconds, epochs, files, testSamples, ...rest } = facts;
    const short = modelCard({ ...rest, threshold: null });
    expect(short).not.toMatch(/Final threshold|Loss|Time|Epochs|## Files|undefined|null|NaN/);
    expect([threshold, loss, seconds, epochs, files, testSamples].every((v) => v !== undefined)).toBe(true);
  });

  test("has the extra facts of a spiking network and of fine-tuning", () => {
    const spiking = modelCard({ ...facts, timeSteps: 4, beforeFinetune: { accuracy: 0.5, sparsity: 0.9 } });
    expect(spiking).toContain("of one time step of one sample (of 4 steps)");
    expect(spiking).toContain("- Before fine-tuning: accuracy 50.00 % at sparsity 90.00 %");
  });

  test("says how the network does with the batch norm statistics of training", () => {
    const recalibration = { batches: 20, rawAccuracy: 0.25, rawLoss: 2 };
    const start = "- Batch norm: running statistics re-estimated from 20 training batches; with those of training: ";
    expect(modelCard({ ...facts, recalibration })).toContain(`${start}accuracy 25.00 %, loss 2.0000\n`);
    const regression = { ...recalibration, rawAccuracy: Number.NaN };
    expect(modelCard({ ...facts, recalibration: regression })).toContain(`${start}loss 2.0000\n`);
  });

  test("accepts a model without non-zero weights", () => {
    const all = layers.map((l) => ({ ...l, zeros: l.weights }));
    expect(modelCard({ ...facts, layers: all, report: pruningReport(model, [1, 28, 28], all) })).toContain(
      "nothing left",
    );
  });
});

describe("names", () => {
  /** Markdown without its code spans and blocks: what a reader's browser would interpret. */
  const outside = (text: string) =>
    text.replaceAll(/^(`{3,})\w*\n[\s\S]*?\n\1$/gm, "").replaceAll(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, "CODE");

  test.each([
    "<script>alert(1)</script>",
    "[click](https://example.org)",
    "a | b",
    "two\nlines\n# Heading",
    "``` ticks ` and `` more",
    "`",
    "",
    "\u202eright to left",
  ])("%j stays text", (name) => {
    const named = modelCard({ ...facts, model: name, data: name, adapter: name, command: name, recipe: name });
    const plain = outside(named);
    expect(plain).not.toMatch(/<script|\]\(|\u202e/);
    expect(plain.match(/^#+ /gm)?.length).toBe(10);
  });

  test("keep the number of headings and table rows, for any name", () => {
    const shape = (card: string) => [card.match(/^#+ /gm)?.length, card.match(/^\|/gm)?.length];
    const text = fc.string({ unit: fc.constantFrom("`", "|", "\n", "#", " ", "a", "<", "[", "\\"), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const named = {
          ...facts,
          model: a,
          data: b,
          measuredOn: a,
          layers: layers.map((l) => ({ ...l, name: l.name })),
        };
        expect(shape(modelCard({ ...named, files: [{ name: a, holds: b }] }))).toEqual(shape(modelCard(facts)));
      }),
    );
  });
});

test.each([
  ["an accuracy in percent", { accuracy: 98.7 }, /accuracy: expected 0 to 1, got 98.7/],
  ["no accuracy", { accuracy: Number.NaN }, /accuracy: expected 0 to 1/],
  [
    "more zeros than weights",
    { layers: [{ name: "a", shape: [2], weights: 2, zeros: 3 }] },
    /layer a: expected 0 to 2 zeros/,
  ],
  ["a plot in another folder", { plot: "javascript:alert(1)" }, /plot: expected the name of a file/],
])("refuses %s", (_, change, message) => {
  expect(() => modelCard({ ...facts, ...change })).toThrow(message);
});
