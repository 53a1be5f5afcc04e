// Compares logits of the ImageNet models with torchvision's in float64, with weights from a formula (tools/golden/ops_zoo_logits.ts).
import { expect, test } from "vitest";
import { buildModel } from "../src/models/index.ts";
import { parseFixtures } from "../tools/golden/format.ts";
import { allHandlers } from "../tools/golden/handlers.ts";
import { fnv1a, formula } from "../tools/golden/ops_zoo_logits.ts";
import { runCase } from "../tools/golden/runner.ts";
import { registryName } from "../tools/golden/zoo_names.ts";
import { fetchBytes } from "./support/fetch_bytes.ts";

// A page has far less memory than Node, and its software adapter copies its inputs: AlexNet's 61 and VGG's 138 million
// weights, each stored three times, run in Node only. The kernels are the same, and ResNet-50 has 26 million weights.
const MOST_IN_A_PAGE = 30e6;
const inPage = "document" in globalThis;

const bytes = await fetchBytes(new URL("./golden/zoo_logits.safetensors", import.meta.url));
const cases = parseFixtures(bytes, "zoo_logits").filter((c) => {
  const name = registryName(String(c.attrs["model"]))!;
  const model = buildModel(name, { channels: 3, size: 64, classes: 1000 });
  return !inPage || model.parameters().reduce((n, p) => n + p.numel, 0) <= MOST_IN_A_PAGE;
});

test.each(cases.map((c) => [c.name, c] as const))("logits of %s", async (_name, c) => {
  expect(await runCase(c, allHandlers)).toMatchObject({ status: "passed", reason: "" });
});

test("the fixture holds seven models, of which a page runs five", () => {
  expect(cases.length).toBe(inPage ? 5 : 7);
});

test("an unknown model or shape is unsupported, and another input gives other logits", async () => {
  const c = cases.find(({ name }) => name === "mobilenet_v2")!;
  const run = (attrs: object) => runCase({ ...c, attrs: { ...c.attrs, ...attrs } }, allHandlers);
  expect(await run({ model: "resnet1000" })).toMatchObject({
    status: "unsupported",
    reason: "the engine has no model named resnet1000",
  });
  expect(await run({ input: [2, 3] })).toMatchObject({ status: "unsupported" });
  expect(await run({ precision: 16 })).toMatchObject({ status: "unsupported" });
  expect((await run({ salt: "pepper" })).reason).toMatch(/^logits is off by/);
  expect((await run({ classes: 10 })).reason).toMatch(/^logits is off by Infinity/);
});

// Computed by the Python version of the formula.
test("the formula", () => {
  expect(fnv1a("zoo/input")).toBe(3_116_252_480);
  expect([...formula("zoo", "input", 3)]).toEqual([-0.9409104585647583, -0.031319260597229004, 0.535415530204773]);
});
