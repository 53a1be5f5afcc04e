import { expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../src/io/index.ts";
import { Linear } from "../../src/nn/index.ts";
import { loadModel, saveModel } from "../../src/train/index.ts";
import { smallNet } from "../support/points.ts";
import { tinyModel } from "../support/tiny_session.ts";

test.each([false, true])("loads what it saved, bit for bit; sparse %s", async (sparse) => {
  const [model, other] = [tinyModel(), tinyModel()];
  const weight = model.parameters()[6]!;
  weight.set((await weight.data()).map((v, i) => (i % 8 === 0 ? v : 0)) as Float32Array);
  const bytes = await saveModel(model, { metadata: { classes: "a,b", held: "ünïcode" }, sparse });
  const { metadata, report } = loadModel(other, bytes);
  expect(metadata).toMatchObject({ classes: "a,b", held: "ünïcode" });
  expect(report.loaded).toEqual([...model.namedState()].map(([name]) => name));
  expect(await other.stateDict()).toEqual(await model.stateDict());
  if (sparse) expect(bytes.length).toBeLessThan((await saveModel(model)).length);
  else expect([...parseSafetensors(bytes).tensors.keys()].sort()).toEqual([...report.loaded].sort());
  model.dispose();
  other.dispose();
});

test("refuses weights that do not fit, unless told which may differ", async () => {
  const [model, head] = [smallNet(), new Linear(2, 32)];
  const before = await model.stateDict();
  const bytes = await saveModel(head);
  expect(() => loadModel(model, bytes)).toThrow(/^loadState: 0 of 6 arrays fit/);
  expect(() => loadModel(model, bytes, { strict: false })).toThrow("expected at least one array that fits, got none");
  expect(await model.stateDict()).toEqual(before);
  const part = writeSafetensors(new Map([...before].slice(0, 2)));
  expect(loadModel(model, part, { strict: false }).report.missing).toHaveLength(4);
  expect(() => loadModel(model, bytes.subarray(0, 20), { name: "w.safetensors" })).toThrow(/^w.safetensors: /);
  expect(() => loadModel(model, "weights" as never)).toThrow(
    "loadModel: expected the file as a Uint8Array, got string",
  );
  await expect(saveModel(model, { metadata: { classes: 3 as never } })).rejects.toThrow(
    "saveModel: metadata: classes: expected a string, got number",
  );
  model.parameters()[0]!.set(new Float32Array(64).fill(Number.NaN));
  await expect(saveModel(model)).rejects.toThrow(/^saveModel: .*0\.weight/);
  model.dispose();
  head.dispose();
});
