// Streaming kernels: a few operations per element, so that bytes decide.
import { add, mul } from "../../src/ops/binary.ts";
import { relu } from "../../src/ops/unary.ts";
import { copyInto, emptyLike, type Shape, type Tensor } from "../../src/tensor/index.ts";
import type { KernelCase, Variant } from "../lib/case.ts";
import { brackets, bytes, random } from "./data.ts";
import { naiveElementwise } from "./naive.ts";
import { recorded, recordedBackward } from "./recorded.ts";

const SIZE: Shape = [16, 64, 32, 32];
const LARGE: Shape = [128, 64, 56, 56];

function streaming(name: string, size: Shape, moved: readonly Shape[], variants: () => readonly Variant[]): KernelCase {
  return {
    kind: "kernel",
    group: "elementwise",
    name: `${name} ${brackets(size)}`,
    work: { flops: name.startsWith("copy") ? 0 : size.reduce((a, b) => a * b, 1), bytes: bytes(...moved) },
    prepare: () => ({ variants: variants() }),
  };
}

function casesOf(size: Shape): KernelCase[] {
  const perChannel: Shape = [size[1]!, 1, 1];
  const area = size.slice(2).reduce((a, b) => a * b, 1);
  return [
    streaming("copy", size, [size, size], () => {
      const x = random(size, 1);
      const copy = (): readonly Tensor[] => {
        const y = emptyLike(x);
        copyInto(y, x);
        return [y];
      };
      return [recorded("naive", () => [naiveElementwise("copy", x)]), recorded("buffer copy", copy)];
    }),
    streaming("relu", size, [size, size], () => {
      const x = random(size, 1);
      return [recorded("naive", () => [naiveElementwise("relu", x)]), recorded("vec4", () => [relu(x)])];
    }),
    streaming("relu backward", size, [size, size, size], () => {
      const x = random(size, 1);
      const dy = random(size, 2);
      const y = relu(x);
      return [
        recorded("naive", () => [naiveElementwise("reluGrad", dy, y)]),
        recordedBackward("vec4", [x], () => relu(x), dy),
      ];
    }),
    streaming("add", size, [size, size, size], () => {
      const [a, b] = [random(size, 1), random(size, 2)];
      return [recorded("naive", () => [naiveElementwise("add", a, b)]), recorded("vec4", () => [add(a, b)])];
    }),
    streaming("mul by a channel", size, [size, size, perChannel], () => {
      const [a, b] = [random(size, 1), random(perChannel, 2)];
      return [recorded("naive", () => [naiveElementwise("mul", a, b, area)]), recorded("vec4", () => [mul(a, b)])];
    }),
  ];
}

export const elementwiseCases: readonly KernelCase[] = casesOf(SIZE);
export const elementwiseLargeCases: readonly KernelCase[] = casesOf(LARGE);
