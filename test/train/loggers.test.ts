import { expect, test } from "vitest";
import type { EpochRecord, StepRecord } from "../../src/train/fit.ts";
import { csvLogger, jsonLinesLogger } from "../../src/train/loggers.ts";

const step: StepRecord = {
  ...{ kind: "step", step: 2, epoch: 0.5, loss: 0.25, accuracy: Number.NaN, lr: 0.1, threshold: 0, sparsity: 0.5 },
  ...{ lambda: 0, lambdaEffective: 0, lambdaDecay: 0, lambdaTotal: 0, metrics: { 'mean "a", b': 3 } },
};
const epoch: EpochRecord = {
  ...{ kind: "epoch", step: 4, epoch: 1, loss: 0.125, accuracy: 0.75, testLoss: 0.5, testAccuracy: 1, sparsity: 0.5 },
  ...{ threshold: 0.01, pruned: 3, regrown: 1, changes: 4, layers: [], seconds: 1.5 },
};

test("csvLogger writes names once, and a line per record with a column for each metric", async () => {
  let text = "";
  const logger = csvLogger((more) => {
    text += more;
  });
  for (const record of [step, epoch, step]) await logger.log(record);
  const names = "kind,epoch,step,loss,accuracy,testLoss,testAccuracy,lr,threshold,sparsity,pruned,regrown,seconds";
  expect(text.split("\n")).toEqual([
    `${names},"mean ""a"", b"`,
    "step,0.5,2,0.25,,,,0.1,0,0.5,,,,3",
    "epoch,1,4,0.125,0.75,0.5,1,,0.01,0.5,3,1,1.5,",
    "step,0.5,2,0.25,,,,0.1,0,0.5,,,,3",
    "",
  ]);
});

test("jsonLinesLogger writes a whole record per line", async () => {
  const lines: string[] = [];
  const logger = jsonLinesLogger(async (text) => void lines.push(text));
  await logger.log(step);
  await logger.log(epoch);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([{ ...step, accuracy: null }, epoch]);
  expect(lines.every((line) => line.endsWith("}\n"))).toBe(true);
});

test("both refuse what cannot write", () => {
  expect(() => csvLogger("log.csv" as never)).toThrow("csvLogger: expected a function that writes text, got string");
  expect(() => jsonLinesLogger(undefined as never)).toThrow("jsonLinesLogger: expected a function that writes text");
});
