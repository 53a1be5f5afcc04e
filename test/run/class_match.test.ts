// Matching the classes of a saved model with those of data: by name, or an error with both lists, or a note without names.
import { describe, expect, test } from "vitest";
import {
  type ImageBatch,
  imageDataset,
  type LabelledImages,
  Linear,
  Sequential,
  type StreamedDataset,
} from "../../src/internal.ts";
import { headOptions, matchToModel, modelClasses, relabelled, withoutNames } from "../../src/run/class_match.ts";

/** Six images with the labels 0, 1, 2, ... in turn. */
const held = (classes: readonly string[], labels = Array.from({ length: 6 }, (_, i) => i % classes.length)) =>
  imageDataset({
    ...{ name: "toy", shape: [1, 1, 1], classes, mean: [0], std: [1] },
    images: new Uint8Array(labels.length),
    labels: Uint8Array.from(labels),
  });
const named = (...names: string[]) => ({ names, count: names.length });
const labelsOf = (data: LabelledImages) => ("labels" in data ? [...data.labels] : []);
const about = (entries: Record<string, string>) => new Map(Object.entries(entries));

describe("test data for a saved model", () => {
  test("are renumbered if the names have another order", () => {
    const { data, notes } = matchToModel(held(["b", "a"]), named("a", "b", "c"), "m");
    expect([data.classes, labelsOf(data), notes]).toEqual([
      ["a", "b", "c"],
      [1, 0, 1, 0, 1, 0],
      ["classes matched by name; no samples of c"],
    ]);
    const same = held(["a", "b"]);
    expect(matchToModel(same, named("a", "b"), "m")).toEqual({ data: same, notes: [] });
  });

  test("are refused with both lists if a sample has an unknown class; unused classes may differ", () => {
    expect(() => matchToModel(held(["apes", "zebras"]), named("cats", "dogs"), "m")).toThrow(
      "m: expected the model's classes cats, dogs, got apes, zebras",
    );
    expect(labelsOf(matchToModel(held(["a", "x"], [0, 0]), named("b", "a"), "m").data)).toEqual([1, 1]);
  });

  test("are matched by number if one side has no names, with a note", () => {
    const data = held(["0", "1"]);
    expect(matchToModel(data, { names: null, count: null }, "m")).toEqual({
      data,
      notes: ["m has no class names: label i is matched with output i"],
    });
    expect(matchToModel(data, named("cats", "dogs"), "m")).toMatchObject({
      data: { classes: ["cats", "dogs"] },
      notes: ["the data has no class names: label i is matched with output i"],
    });
    expect(matchToModel(held(["cats", "dogs"]), named("0", "1"), "m").notes).toEqual([
      "m has no class names: label i is matched with output i",
    ]);
    // Fewer numbers than outputs are the first of them; neither side has names, so there is nothing to say.
    expect(matchToModel(data, named("0", "1", "2"), "m")).toMatchObject({
      data: { classes: ["0", "1", "2"] },
      notes: [],
    });
    expect(() => matchToModel(held(["0", "1", "2"]), named("0", "1"), "m")).toThrow(
      "m: expected at most 2 classes, as the model has, got 3: 0, 1, 2",
    );
  });

  test("are renumbered while a stream is read, and its batches are recycled", async () => {
    const batch = { y: Int32Array.of(0, 1, 1), size: 3 } as ImageBatch;
    const back: ImageBatch[] = [];
    const stream = {
      ...{ name: "s", length: 3, shape: [1, 1, 1], classes: ["b", "a"], mean: [0], std: [1] },
      close: async () => {},
      batches: () => ({
        length: 1,
        recycle: (one: ImageBatch) => back.push(one),
        async *[Symbol.asyncIterator]() {
          yield batch;
        },
      }),
    } as unknown as StreamedDataset;
    const data = relabelled(stream, Int32Array.of(1, 0), ["a", "b"]) as StreamedDataset;
    const batches = data.batches({ batchSize: 3, epoch: 0, seed: 0, startBatch: 0, training: false });
    for await (const one of batches) {
      expect([...one.y]).toEqual([1, 0, 0]);
      batches.recycle(one);
    }
    expect(back).toEqual([batch]);
  });
});

test("reads the classes of a model file", () => {
  expect(modelClasses(about({}), "m")).toEqual({ names: null, count: null });
  expect(modelClasses(about({ classes: "3" }), "m")).toEqual({ names: null, count: 3 });
  expect(modelClasses(about({ classes: "2", classNames: '["a","b"]' }), "m")).toEqual(named("a", "b"));
  for (const classNames of ["{", "[1]", '"a"'])
    expect(() => modelClasses(about({ classNames }), "m")).toThrow(
      'm: metadata "classNames": expected a list of names',
    );
  expect(() => modelClasses(about({ classes: "3", classNames: '["a"]' }), "m")).toThrow(
    "m: metadata: expected 3 class names, got 1",
  );
  expect(withoutNames(about({}), "m", 4)).toBe("m has no class names: showing class numbers");
  expect(withoutNames(about({ classNames: '["a"]' }), "m", 4)).toBe(
    "m names 1 classes, the network has 4 outputs: showing class numbers",
  );
});

describe("a saved model's last layer", () => {
  const model = new Sequential([new Linear(3, 3), new Linear(3, 2)]);
  const options = (names: readonly string[], classes: readonly string[], newHead: boolean) =>
    headOptions(model, about({ classNames: JSON.stringify(names) }), { file: "m", classes, newHead });

  test("is loaded for the same classes", () => {
    expect(options(["a", "b"], ["a", "b"], false)).toEqual({});
    expect(options(["a", "b"], ["a", "b"], true)).toEqual({ head: "new" });
    expect(headOptions(model, about({}), { file: "m", classes: ["a"], newHead: false })).toEqual({});
  });

  test("is refused for other classes or another order, unless it is re-initialised", () => {
    const both = "m: expected the model's classes a, b, got";
    expect(() => options(["a", "b"], ["c", "d"], false)).toThrow(
      `${both} c, d; --new-head re-initialises the last layer`,
    );
    expect(() => options(["a", "b"], ["b", "a"], false)).toThrow(`${both} b, a`);
    // As many classes: the shapes would fit, so the layer is left out by its name.
    expect(options(["a", "b"], ["c", "d"], true)).toEqual({ skip: ["1"] });
    expect(options(["a", "b", "c"], ["c", "d"], true)).toEqual({ head: "new" });
  });
});
