// Modes with learned thresholds are loaded by `pruningGroups`; other pages do without them.
import { expect, test } from "vitest";
import { Linear } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { pruningGroups } from "../../src/prune/index.ts";

test("SGD refuses modes str and ltp until pruningGroups has loaded them", () => {
  const model = new Linear(4, 4);
  for (const mode of ["str", "ltp"] as const) {
    expect(() => new SGD(model.parameters(), { lr: 0.1, mode })).toThrow(
      `SGD: mode ${mode}: expected groups made by pruningGroups(), which loads learned thresholds`,
    );
  }
  const sgd = new SGD(pruningGroups(model, { mode: "str" }), { lr: 0.1 });
  expect(sgd.groups[0]?.learned).toHaveLength(1);
  sgd.dispose();
});
