// Shares of single layers: as text and as an object, and the layers that they fit.
import { expect, test } from "vitest";
import { Linear, Sequential } from "../../src/nn/index.ts";
import { layerShares, zerosOfShares } from "../../src/prune/layer_shares.ts";

const model = new Sequential([new Linear(10, 20), new Linear(20, 5)]);
const [first, last] = model.parameters().filter((p) => p.prunable);
const zeros = (given: Parameters<typeof layerShares>[0], params = [first!, last!]) =>
  zerosOfShares(layerShares(given), model, params);

test("text and objects give the same shares, and the zeros of quotients are exact", () => {
  expect([...layerShares(["0=0.25", "1.weight=1"])]).toEqual([...layerShares({ "0": 0.25, "1.weight": 1 })]);
  for (let n = 0; n <= 200; n++) expect(zeros([`0=${n / 200}`, "1=0"])).toEqual([n, 0]);
  expect(zeros({ "1": 0.5, "0.weight": 0.1 })).toEqual([20, 50]);
  expect(zeros({ "0": 0, "1": 0.5 }, [last!])).toEqual([50]);
});

test.each([
  [["fc"], "such as conv1=0.9, got fc"],
  [["fc="], "such as conv1=0.9, got fc="],
  [["=0.5"], "such as conv1=0.9, got =0.5"],
  [["fc=1.5"], "such as conv1=0.9, got fc=1.5"],
  [["fc=-0.1"], "got fc=-0.1"],
  [["fc=many"], "got fc=many"],
  [{ fc: Number.NaN }, "got fc=NaN"],
  [["fc=0.5", "fc=0.6"], "expected one share for fc, got a second one"],
  [[], "expected at least one layer, got none"],
])("refuses %j", (given, problem) => {
  expect(() => layerShares(given as string[])).toThrow(problem);
  expect(() => layerShares(given as string[])).toThrow(/^pruning: shares: /);
});

test("refuses shares that do not fit the layers", () => {
  expect(() => zeros(["0=0.5"])).toThrow("expected a share for each layer to prune, got none for 1.weight");
  expect(() => zeros(["0=0.5", "1=0.5", "2=0.5"])).toThrow("expected one of 0.weight, 1.weight, got 2");
  expect(() => zeros(["0=0.5", "0.weight=0.5", "1=0"])).toThrow("expected one share for 0.weight, got a second one");
  expect(() => zeros(["0=0.5", "1=0.5"], [last!])).toThrow("expected 0 for 0.weight, which stays dense, got 0.5");
});
