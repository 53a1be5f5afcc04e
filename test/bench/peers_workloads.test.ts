// The workloads of all sides: the nets match espalier's models, and all sides get the same numbers.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { benchNet } from "../../bench/cases/training.ts";
import { batchOf, initial, oneHot, operand } from "../../bench/peers/inputs.ts";
import { decodeFloats, encodeFloats } from "../../bench/peers/protocol.ts";
import {
  forward,
  type NetName,
  type Parts,
  parametersOf,
  type StepWork,
  selectWorkloads,
  workloads,
} from "../../bench/peers/workloads.ts";

const NETS: readonly (readonly [NetName, { channels: number; size: number; classes: number }])[] = [
  ["lenet-bn", { channels: 1, size: 28, classes: 10 }],
  ["resnet-20", { channels: 3, size: 32, classes: 10 }],
];

/** Follows shapes [channels, size] or [features] through a net and notes which weights it meets. */
function trace(net: NetName, channels: number, size: number) {
  const met: string[] = [];
  const shapes = new Map(parametersOf(net).map(({ name, shape }) => [name, shape]));
  const weight = (name: string) => {
    met.push(`${name}.weight`);
    return shapes.get(`${name}.weight`) ?? [];
  };
  const parts: Parts<readonly number[]> = {
    conv([inputs = 0, side = 0], name, stride, padding) {
      const [outputs = 0, wanted, kernel = 0] = weight(name);
      expect([name, inputs]).toEqual([name, wanted]);
      return [outputs, Math.floor((side + 2 * padding - kernel) / stride) + 1];
    },
    norm(x, name) {
      expect(weight(name)).toEqual([x[0]]);
      met.push(`${name}.bias`);
      return x;
    },
    relu: (x) => x,
    add(a, b) {
      expect(a).toEqual(b);
      return a;
    },
    linear(x, name) {
      const [outputs = 0, inputs] = weight(name);
      expect(x).toEqual([inputs]);
      met.push(`${name}.bias`);
      return [outputs];
    },
    flatten: ([c = 0, side = 0]) => [c * side * side],
    pool: ([c = 0]) => [c],
    share: (x) => x,
  };
  return { output: forward(net, [channels, size], parts), met };
}

describe("the nets", () => {
  test.each(NETS)("%s has the names and shapes of espalier's model", (net, input) => {
    const own = [...benchNet(net, input).namedParameters()].map(([name, p]) => ({ name, shape: [...p.shape] }));
    expect(parametersOf(net).map(({ name, shape }) => ({ name, shape: [...shape] }))).toEqual(own);
  });

  test.each(NETS)("%s uses every parameter once and ends in ten logits", (net, { channels, size }) => {
    const { output, met } = trace(net, channels, size);
    expect(output).toEqual([10]);
    expect([...met].sort()).toEqual(
      parametersOf(net)
        .map((p) => p.name)
        .sort(),
    );
  });
});

describe("the workloads", () => {
  test("have different names", () => {
    expect(new Set(workloads.map((w) => w.name)).size).toBe(workloads.length);
  });

  test("are selected by words", () => {
    expect(selectWorkloads([])).toEqual(workloads);
    expect(selectWorkloads(["matmul"]).map((w) => w.name)).toEqual(["matmul 256", "matmul 512"]);
    expect(selectWorkloads(["grad depthwise"]).map((w) => w.name)).toEqual([
      "conv grad input 3x3 depthwise 64 [8,64,16,16]",
      "conv grad weight 3x3 depthwise 64 [8,64,16,16]",
    ]);
    expect(selectWorkloads(["lenet", "256"]).map((w) => w.kind)).toEqual(["matmul", "step"]);
    expect(selectWorkloads(["nothing like it"])).toEqual([]);
  });
});

describe("the inputs", () => {
  test("repeat, and differ between operands", () => {
    const shape = [20, 30];
    expect(operand("a", shape)).toEqual(operand("a", shape));
    expect(operand("a", shape)).not.toEqual(operand("b", shape));
    expect(operand("dy", shape)).toHaveLength(600);
  });

  test("initialise weights with the given deviation and constants with their value", () => {
    const spec = { name: "w", shape: [64, 100], std: 0.3 };
    const values = initial(spec, 5);
    const std = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    expect(std).toBeGreaterThan(0.28);
    expect(std).toBeLessThan(0.32);
    expect(initial(spec, 6)).not.toEqual(values);
    expect([...initial({ name: "b", shape: [3], value: 1 }, 0)]).toEqual([1, 1, 1]);
  });

  test("label the images 0 to 9 in turn", () => {
    const work = workloads.find((w): w is StepWork => w.kind === "step")!;
    const { x, y } = batchOf(work);
    expect(x).toHaveLength(work.batch * work.channels * work.size * work.size);
    expect([...y.slice(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    const rows = oneHot(y);
    expect([...rows.slice(20, 30)]).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(rows.reduce((a, b) => a + b, 0)).toBe(work.batch);
  });
});

describe("values sent between processes", () => {
  test("round-trip", () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 5000 }), (values) => {
        const arrived = decodeFloats(encodeFloats(values));
        expect(arrived).toHaveLength(values.length);
        expect(arrived.every((v, i) => Object.is(v, values[i]))).toBe(true);
      }),
    );
    // A part of a larger array is sent as that part.
    expect([...decodeFloats(encodeFloats(Float32Array.of(1, 2, 3, 4).subarray(1, 3)))]).toEqual([2, 3]);
  });

  test("are refused if bytes are missing", () => {
    expect(() => decodeFloats(btoa("abcde"))).toThrow(/multiple of 4 bytes, got 5/);
  });
});
