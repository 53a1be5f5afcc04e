// Functions and inputs that captureStep and ops refuse.
import { expect, test } from "vitest";
import { defineOp, outputLike, Tape } from "../../src/autograd/index.ts";
import { Linear, loadState } from "../../src/nn/index.ts";
import { concat, conv2d, mul, relu, reshape, softmax } from "../../src/ops/index.ts";
import { makeLrSchedule } from "../../src/optim/index.ts";
import { captureStep, tensor, zeros } from "../../src/tensor/index.ts";
import { loadModel, saveModel } from "../../src/train/index.ts";

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments
type Wrong = any;

const doubled = () => captureStep(({ x }: { x: Wrong }) => ({ y: mul(x, 2) }));
const own = (parts: object) =>
  defineOp({ name: "own", infer: ([x]: Wrong) => outputLike(x), forward: () => [], ...parts } as Wrong) as Wrong;

test.each<[string, () => unknown, string]>([
  ["a step that is no function", () => captureStep(3 as Wrong), "captureStep: expected a function, got number"],
  ["no inputs", () => (doubled() as Wrong).run(), "inputs: expected { name: { data, shape } }, got undefined"],
  ["a list as input", () => doubled().run({ x: [1] } as Wrong), "input x: expected { data, shape }, a typed array and"],
  ["an input without data", () => doubled().run({ x: { shape: [1] } } as Wrong), "input x: expected { data, shape }"],
  [
    "a number as result",
    () => (captureStep(() => 3 as Wrong) as Wrong).run({}),
    "expected fn to return named tensors, got another value",
  ],
  ["null as tensor", () => relu(null as Wrong), "relu: input 0: expected a tensor, got null"],
  ["an option by position", () => softmax(zeros([2]), 0 as Wrong), "got number: pass options as an object { axis }"],
  ["a shape by position", () => reshape(zeros([2]), [2] as Wrong), "got a list: pass options as an object { shape }"],
  ["tensors one by one", () => concat(zeros([1]) as Wrong, zeros([1]) as Wrong), "concat: expected a list of tensors"],
  [
    "a padding by name",
    () => conv2d(zeros([1, 1, 3, 3]), zeros([1, 1, 3, 3]), null, { padding: "same" as Wrong }),
    "padding: expected an integer >= 0, or two as [rows, columns], got same",
  ],
  ["an object of weights", () => loadState(new Linear(1, 1), {} as Wrong), "loadState: arrays: expected a Map by name"],
  ["swapped arguments", () => loadModel(new Uint8Array(8) as Wrong, new Uint8Array(8)), "loadModel: model: expected a"],
  ["a schedule without a run", () => (makeLrSchedule as Wrong)({ base: 1 }), "makeLrSchedule: run: expected an object"],
])("refuses %s", (_, use, message) => {
  expect(use).toThrow(message);
});

test("saveModel refuses what is no module", async () => {
  await expect(saveModel({} as Wrong)).rejects.toThrow("saveModel: model: expected a module, got object");
});

test("an own op may save nothing, and is refused by name if its gradients are no list", () => {
  const x = tensor([1]);
  x.requiresGrad = true;
  using tape = new Tape();
  const y = own({ forward() {}, backward: (dy: Wrong) => dy })(x);
  expect(() => tape.backward(y)).toThrow("own: backward: expected a list of gradients, one per input, got Tensor");
});
