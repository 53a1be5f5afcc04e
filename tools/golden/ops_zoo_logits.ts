// Logits of ImageNet models whose weights and input come from a formula, so that no weights are stored:
//   s = FNV-1a of "<salt>/<name>",  h = murmur3's finaliser of i · 0x9E3779B1 + s,  u = (h >> 8) / 2^23 - 1
// for element i of the tensor of that name. Weights are u, scaled according to their name and rank.
import { noGrad } from "../../src/autograd/index.ts";
import { currentGpu, MemoryError } from "../../src/gpu/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { type Attrs, Unsupported } from "./attrs.ts";
import type { Handlers } from "./handler.ts";
import { registryName } from "./zoo_names.ts";

/** Compute the 32-bit FNV-1a hash of a text's UTF-8 bytes. */
export function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** Compute n values of u(salt, name, i) in [-1, 1), times `factor` plus `offset` in float64, rounded to float32. */
export function formula(salt: string, name: string, n: number, factor = 1, offset = 0): Float32Array {
  const seed = fnv1a(`${salt}/${name}`);
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    values[i] = ((h >>> 8) / 2 ** 23 - 1) * factor + offset;
  }
  return values;
}

/** Compute the values of a tensor of a model from its name and shape. */
export function weightsByFormula(salt: string, name: string, shape: Shape): Float32Array {
  const n = shape.reduce((a, b) => a * b, 1);
  if (shape.length >= 2) return formula(salt, name, n, Math.sqrt(3 / (n / shape[0]!)));
  if (name.endsWith("running_mean")) return formula(salt, name, n, 0.1);
  if (name.endsWith("running_var")) return formula(salt, name, n, 0.2, 1);
  return name.endsWith("weight") ? formula(salt, name, n, 0.1, 1) : formula(salt, name, n, 0.1);
}

function shapeOf(attrs: Attrs): [number, number, number, number] {
  const shape = attrs.list("input");
  const fits = shape.length === 4 && shape.every((d) => Number.isInteger(d) && (d as number) >= 1);
  if (!fits) throw new Unsupported(`attribute input = ${JSON.stringify(shape)}; this runner knows [N, C, H, W]`);
  return shape as [number, number, number, number];
}

export const zooLogitsHandlers: Handlers = {
  zoo_logits(attrs, c) {
    const given = attrs.sentence("model");
    const name = registryName(given);
    const salt = attrs.sentence("salt");
    const input = shapeOf(attrs);
    const classes = attrs.number("classes", 1000);
    if (!name) throw new Unsupported(`the engine has no model named ${given}`);
    return async () => {
      const [batch, channels, height, width] = input;
      const model = buildModel(name, { channels, size: Math.min(height, width), classes }).eval();
      try {
        using _scope = new Scope();
        const x = tensor(formula(salt, "input", batch * channels * height * width), input);
        // One tensor at a time: VGG's weights together are half a gigabyte.
        for (const [key, t] of model.namedState()) {
          t.set(weightsByFormula(salt, key, t.shape));
        }
        const logits = noGrad(() => model.forward(x));
        return { [c.outputs[0] ?? "logits"]: await logits.data() };
      } catch (error) {
        // With the default limits no buffer holds VGG's first linear layer.
        throw error instanceof MemoryError ? new Unsupported(error.message) : error;
      } finally {
        model.dispose();
        // The next model has other sizes and cannot reuse these buffers.
        currentGpu().pool.trim();
      }
    };
  },
};
