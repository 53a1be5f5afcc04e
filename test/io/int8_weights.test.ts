// Model files of 8-bit weights: rounding within half a step, zeros kept, masks for pruned weights, and damaged files.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  fromInt8,
  int8Weight,
  openWeights,
  parseSafetensors,
  readModelWeights,
  roundEven,
  writeInt8Model,
  writeSafetensors,
} from "../../src/io/index.ts";
import { randomArray } from "../support/random.ts";

const array = (data: Float32Array, shape: readonly number[]) => ({ data, shape });

test("codes are within half a step of the weight, use the full range, and keep zeros", () => {
  const weights = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
    minLength: 6,
    maxLength: 6,
  });
  fc.assert(
    fc.property(weights, (values) => {
      const data = Float32Array.from(values);
      const { codes, scales } = int8Weight(data, 2);
      const back = fromInt8({ codes, scales });
      for (const [i, v] of data.entries()) {
        const scale = scales[Math.floor(i / 3)]!;
        expect(Math.abs(back[i]! - v)).toBeLessThanOrEqual(scale * (0.5 + 1e-4));
        if (v === 0) expect(codes[i]).toBe(0);
      }
      for (const c of [0, 1]) {
        const channel = codes.subarray(3 * c, 3 * c + 3);
        const most = Math.max(...data.subarray(3 * c, 3 * c + 3).map(Math.abs));
        if (most > 1e-20) expect(Math.max(...channel.map(Math.abs))).toBe(127);
      }
    }),
  );
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 0.49, -2.51].map((v) => roundEven(v) + 0)).toEqual([0, 2, 2, 0, -2, 0, -3]);
});

const dense = randomArray(4 * 9, 5);
const sparse = randomArray(8 * 32, 6).map((v, i) => (i % 10 === 0 ? v : 0));
const model = new Map([
  ["conv.weight", array(dense, [4, 1, 3, 3])],
  ["conv.bias", array(randomArray(4, 7), [4])],
  ["fc.weight", array(sparse, [8, 32])],
]);

test("writes a code for each weight, or a mask and the codes that are not zero, and reads both back", async () => {
  const bytes = writeInt8Model(model, { model: "own" });
  const { tensors, metadata } = parseSafetensors(bytes);
  expect([...tensors.keys()].sort()).toEqual(
    ["conv.bias", "conv.weight", "conv.weight.scale", "fc.weight.mask", "fc.weight.scale", "fc.weight.values"].sort(),
  );
  expect(tensors.get("conv.weight")).toMatchObject({ dtype: "I8", shape: [4, 1, 3, 3] });
  expect(tensors.get("fc.weight.values")!.data).toHaveLength(26);
  expect(metadata.get("format")).toBe("espalier-int8-1");
  const opened = (await openWeights(bytes)).take();
  const read = readModelWeights(bytes, "file").weights;
  expect(opened.weights).toEqual(read);
  expect([...read.keys()].sort()).toEqual([...model.keys()].sort());
  for (const [name, { data, shape }] of model) {
    const back = read.get(name)!;
    expect(back.shape).toEqual(shape);
    const wanted = shape.length > 1 ? fromInt8(int8Weight(data, shape[0]!)) : data;
    expect(back.data).toEqual(wanted.map((v) => v + 0));
    expect(data.every((v, i) => v !== 0 || back.data[i] === 0)).toBe(true);
  }
  // Weights of integers are integers of the same scales again.
  expect(readModelWeights(writeInt8Model(read), "again").weights.get("fc.weight")).toEqual(read.get("fc.weight"));
});

test("refuses parts that disagree, naming the weight", () => {
  const file = parseSafetensors(writeInt8Model(model, {}));
  const changed = (change: Record<string, object | null>, metadata: Record<string, string> = {}) => {
    const tensors = new Map<string, unknown>(file.tensors);
    for (const [name, to] of Object.entries(change)) {
      if (to) tensors.set(name, to);
      else tensors.delete(name);
    }
    return writeSafetensors(tensors as never, { ...Object.fromEntries(file.metadata), ...metadata });
  };
  const refusal = (change: Record<string, object | null>, metadata?: Record<string, string>) => () =>
    readModelWeights(changed(change, metadata), "m.safetensors");
  const floats = (values: number[]) => ({ data: Float32Array.from(values), shape: [values.length] });
  expect(refusal({ "conv.weight.scale": null })).toThrow(
    "m.safetensors: conv.weight: expected 4 scales of type F32, got none",
  );
  expect(refusal({ "conv.weight.scale": floats([1]) })).toThrow("expected 4 scales of type F32, got [1] F32");
  expect(refusal({ "conv.weight.scale": floats([1, 1, 0, 1]) })).toThrow("conv.weight: expected scales > 0, got 0");
  expect(refusal({ "fc.weight.values": null })).toThrow("fc.weight has a mask but no values of type I8");
  expect(refusal({ "fc.weight.values": { data: new Int8Array(3), shape: [3] } })).toThrow(
    "expected 26 values, as in its mask, got 3",
  );
  expect(refusal({ "fc.weight.mask": { data: new Uint8Array(3), shape: [3] } })).toThrow(
    "expected a mask of 32 bytes, got 3",
  );
  expect(refusal({}, { shapes: "{" })).toThrow("its record of shapes is not valid JSON");
  expect(refusal({}, { shapes: '{"fc.weight":[-1]}' })).toThrow(
    "fc.weight: expected a shape of integers > 0, got [-1]",
  );
  expect(refusal({}, { shapes: '{"fc.weight":[100000,100000]}' })).toThrow("expected fewer unpacked values");
  expect(() => writeInt8Model(new Map([["w", array(dense, [2, 2])]]))).toThrow("w: [2,2]: got 36 values");
  expect(() =>
    writeInt8Model(
      new Map([
        ["w", array(dense, [4, 9])],
        ["w.scale", array(dense, [36])],
      ]),
    ),
  ).toThrow("w.scale: expected a name of one array, got two");
});
