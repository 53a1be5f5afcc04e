import { expect, test } from "vitest";
import { Parameter } from "../../src/nn/parameter.ts";
import { formatTensor, metaTensor, Scope, scalar, tensor } from "../../src/tensor/index.ts";

test("toString shows number or name, shape, dtype and state", () => {
  using _scope = new Scope();
  const t = tensor([
    [1, 2],
    [3, 4],
  ]);
  expect(`${t}`).toBe(`Tensor #${t.id} [2,2] f32`);
  t.name = "x";
  t.requiresGrad = true;
  expect(String(t)).toBe("Tensor x [2,2] f32, requires gradient");
  t.dispose();
  expect(String(t)).toBe("Tensor x [2,2] f32, disposed, requires gradient");
  const shape = metaTensor([3], "i32");
  expect(String(shape)).toBe(`Tensor #${shape.id} [3] i32, shape only`);
  // A parameter without memory yet prints without getting any.
  const weight = new Parameter([2], () => {
    throw new Error("the values were read");
  });
  expect(String(weight)).toBe(`Tensor #${weight.id} [2] f32, requires gradient`);
});

test("console.log in Node prints the same", () => {
  using t = scalar(2, "u32");
  const inspect = Symbol.for("nodejs.util.inspect.custom") as unknown as keyof typeof t;
  expect((t[inspect] as () => string).call(t)).toBe(String(t));
});

/** Text after the line of name and shape. */
async function valuesOf(...args: Parameters<typeof formatTensor>): Promise<string> {
  const text = await formatTensor(...args);
  const head = `${args[0]}\n`;
  expect(text.startsWith(head)).toBe(true);
  return text.slice(head.length);
}

test("formatTensor prints values in nested brackets", async () => {
  using _scope = new Scope();
  expect(await valuesOf(tensor(2.5))).toBe("2.5");
  expect(await valuesOf(tensor([1, Number.NaN, Number.NEGATIVE_INFINITY, 0.1]))).toBe("[1, NaN, -Infinity, 0.1]");
  expect(
    await valuesOf(
      tensor([
        [1, 2],
        [3, 4.5],
      ]),
    ),
  ).toBe("[[1, 2],\n [3, 4.5]]");
  expect(
    await valuesOf(
      tensor([
        [[1], [2]],
        [[3], [4]],
      ]),
    ),
  ).toBe("[[[1],\n  [2]],\n\n [[3],\n  [4]]]");
  expect(await valuesOf(tensor(Int32Array.of(-1, 7)))).toBe("[-1, 7]");
  expect(await valuesOf(tensor([Math.PI, 1e-9, 123456]))).toBe("[3.142, 1e-9, 123500]");
  expect(await valuesOf(tensor([Math.PI]), { digits: 7 })).toBe("[3.141593]");
});

test("formatTensor cuts long axes in the middle", async () => {
  using _scope = new Scope();
  const long = tensor(Int32Array.from({ length: 2000 }, (_, i) => i));
  expect(await valuesOf(long)).toBe("[0, 1, 2, ..., 1997, 1998, 1999]");
  const rows = tensor(
    Int32Array.from({ length: 16 }, (_, i) => i),
    [8, 2],
  );
  expect(await valuesOf(rows, { maxElements: 10 })).toBe(
    "[[0, 1],\n [2, 3],\n [4, 5],\n ...,\n [10, 11],\n [12, 13],\n [14, 15]]",
  );
});

test("errors", async () => {
  using t = scalar(1);
  await expect(formatTensor(t, { digits: 0 })).rejects.toThrow("digits: expected an integer from 1 to 17, got 0");
  await expect(formatTensor(t, { maxElements: 0 })).rejects.toThrow("maxElements: expected a number >= 1, got 0");
  await expect(formatTensor(metaTensor([2]))).rejects.toThrow("has no data");
});
