// The jax-js side on WebGPU, all under jit, its fastest mode. A call consumes its arguments unless they are passed as `.ref`.
import { createRequire } from "node:module";
import {
  blockUntilReady,
  defaultDevice,
  init,
  type Array as JaxArray,
  jit,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
  vjp,
} from "@jax-js/jax";
import { batchOf, initial, oneHot, operand } from "./inputs.ts";
import { adapterWords, type Job, serve } from "./side.ts";
import type { BatchNormWork, ConvWork, MatmulWork, Parts, StepWork, Workload } from "./workloads.ts";
import { CLASSES, EPS, forward, MOMENTUM, parametersOf, RUNNING_SHARE } from "./workloads.ts";

type Named = Record<string, JaxArray>;

/** Return the device that jax-js opened. */
let device: GPUDevice | null = null;

function noteDevice(): void {
  const prototype = (globalThis as unknown as { GPUAdapter: { prototype: GPUAdapter } }).GPUAdapter.prototype;
  const original = prototype.requestDevice;
  prototype.requestDevice = async function (this: GPUAdapter, ...options) {
    device = await original.apply(this, options);
    return device;
  };
}

const make = (values: Float32Array<ArrayBuffer>, shape: readonly number[]): JaxArray =>
  np.array(values, { shape: [...shape], dtype: np.float32 });

/** Wait for values: evaluation is lazy, and values freed before a wait are never computed. */
function jobOf(body: () => JaxArray[]): Job {
  const pending: JaxArray[][] = [];
  let latest: JaxArray[] = [];
  return {
    run: () => {
      pending.push(body());
    },
    async finish() {
      await blockUntilReady(pending.flat());
      const last = pending.pop();
      for (const results of pending.splice(0)) tree.dispose(results);
      if (last) {
        tree.dispose(latest);
        latest = last;
      }
      await device?.queue.onSubmittedWorkDone();
    },
    read: async () => {
      const read: Float32Array[] = [];
      for (const result of latest) read.push((await result.ref.data()) as Float32Array);
      return read;
    },
  };
}

function matmulJob({ n }: MatmulWork): Job {
  const a = make(operand("a", [n, n]), [n, n]);
  const b = make(operand("b", [n, n]), [n, n]);
  const product = jit((l: JaxArray, r: JaxArray) => np.matmul(l, r));
  return jobOf(() => [product(a.ref, b.ref)]);
}

function convJob({ batch, inputs, outputs, size, kernel, padding, groups, pass }: ConvWork): Job {
  const shapes = {
    x: [batch, inputs, size, size],
    w: [outputs, inputs / groups, kernel, kernel],
    dy: [batch, outputs, size, size],
  };
  const x = make(operand("x", shapes.x), shapes.x);
  const w = make(operand("w", shapes.w), shapes.w);
  const dy = make(operand("dy", shapes.dy), shapes.dy);
  const options = groups > 1 ? { featureGroupCount: groups } : {};
  const pads: [number, number][] = [
    [padding, padding],
    [padding, padding],
  ];
  const conv = (image: JaxArray, filter: JaxArray) => lax.convGeneralDilated(image, filter, [1, 1], pads, options);
  if (pass === "forward") {
    const f = jit(conv);
    return jobOf(() => [f(x.ref, w.ref)]);
  }
  // Under jit an unread forward result is not computed.
  const gradient = jit((image: JaxArray, filter: JaxArray, dOut: JaxArray) => {
    const isInput = pass === "grad input";
    const [y, back] = isInput
      ? vjp((i: JaxArray) => conv(i, filter), [image])
      : vjp((f: JaxArray) => conv(image, f), [filter]);
    y.dispose();
    return back(dOut)[0] as JaxArray;
  });
  return jobOf(() => [gradient(x.ref, w.ref, dy.ref)]);
}

/** Return [result, mean, variance] over batch, rows and columns. */
function normalize(x: JaxArray, weight: JaxArray, bias: JaxArray): [JaxArray, JaxArray, JaxArray] {
  const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
  const centred = x.sub(mean.ref);
  const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
  const scale = np.reciprocal(np.sqrt(variance.ref.add(EPS))).mul(weight.reshape([1, -1, 1, 1]));
  return [centred.mul(scale).add(bias.reshape([1, -1, 1, 1])), mean, variance];
}

function batchNormJob({ shape }: BatchNormWork): Job {
  const channels = shape[1];
  const x = make(operand("x", shape), shape);
  const dy = make(operand("dy", shape), shape);
  const weight = np.ones([channels]);
  const bias = np.zeros([channels]);
  const plain = (image: JaxArray, scale: JaxArray, shift: JaxArray): JaxArray => {
    const [y, mean, variance] = normalize(image, scale, shift);
    tree.dispose([mean, variance]);
    return y;
  };
  const both = jit((image: JaxArray, scale: JaxArray, shift: JaxArray, dOut: JaxArray) => {
    const [y, back] = vjp(plain, [image, scale, shift]);
    return [y, ...back(dOut)];
  });
  return jobOf(() => both(x.ref, weight.ref, bias.ref, dy.ref) as JaxArray[]);
}

/** Running statistics by layer: `name.mean` and `name.variance`. */
function emptyStatistics(work: StepWork): Named {
  const statistics: Named = {};
  for (const { name, shape } of parametersOf(work.net)) {
    const layer = name.replace(/\.weight$/, "");
    if (layer === name || shape.length !== 1) continue;
    statistics[`${layer}.mean`] = np.zeros([...shape]);
    statistics[`${layer}.variance`] = np.ones([...shape]);
  }
  return statistics;
}

/** Compute the logits, and the statistics after this step. Consumes all arguments. */
function evaluate(work: StepWork, p: Named, statistics: Named, x: JaxArray): { logits: JaxArray; next: Named } {
  const get = (name: string) => p[name] as JaxArray;
  const next: Named = {};
  const blend = (old: JaxArray, now: JaxArray) =>
    old.mul(1 - RUNNING_SHARE).add(lax.stopGradient(now).reshape([-1]).mul(RUNNING_SHARE));
  const parts: Parts<JaxArray> = {
    conv: (h, name, stride, padding) =>
      lax.convGeneralDilated(
        h,
        get(`${name}.weight`),
        [stride, stride],
        [
          [padding, padding],
          [padding, padding],
        ],
      ),
    norm: (h, name) => {
      const [y, mean, variance] = normalize(h, get(`${name}.weight`), get(`${name}.bias`));
      next[`${name}.mean`] = blend(statistics[`${name}.mean`] as JaxArray, mean);
      next[`${name}.variance`] = blend(statistics[`${name}.variance`] as JaxArray, variance);
      return y;
    },
    relu: (h) => nn.relu(h),
    add: (a, b) => a.add(b),
    linear: (h, name) => np.matmul(h, np.transpose(get(`${name}.weight`))).add(get(`${name}.bias`)),
    flatten: (h) => h.reshape([work.batch, -1]),
    pool: (h) => np.mean(h, [2, 3]),
    share: (h) => h.ref,
  };
  return { logits: forward(work.net, x, parts), next };
}

function stepJob(work: StepWork): Job {
  const { batch, channels, size, lr } = work;
  const { x: images, y: labels } = batchOf(work);
  const x = make(images, [batch, channels, size, size]);
  const y = make(oneHot(labels), [batch, CLASSES]);
  let weights: Named = Object.fromEntries(
    parametersOf(work.net).map((spec, i) => [spec.name, make(initial(spec, i), spec.shape)]),
  );
  let momenta: Named = tree.map((w: JaxArray) => np.zerosLike(w.ref), weights);
  let statistics = emptyStatistics(work);
  const withGradients = valueAndGrad(
    (p: Named, s: Named, image: JaxArray, target: JaxArray): [JaxArray, Named] => {
      const { logits, next } = evaluate(work, p, s, image);
      return [np.mean(np.sum(nn.logSoftmax(logits, -1).mul(target), -1)).neg(), next];
    },
    { hasAux: true },
  );
  const step = jit((p: Named, m: Named, s: Named, image: JaxArray, target: JaxArray) => {
    const [[loss, next], gradients] = withGradients(tree.ref(p), s, image, target);
    const moved: Named = tree.map((v: JaxArray, g: JaxArray) => v.mul(MOMENTUM).add(g), m, gradients as Named);
    const updated: Named = tree.map((w: JaxArray, v: JaxArray) => w.sub(v.mul(lr)), p, tree.ref(moved));
    return [updated, moved, next, loss] as [Named, Named, Named, JaxArray];
  });
  const job = jobOf(() => {
    const [p, m, s, loss] = step(weights, momenta, statistics, x.ref, y.ref);
    weights = p;
    momenta = m;
    statistics = s;
    return [loss];
  });
  // Waiting for the loss alone would leave the update uncomputed.
  const finish = async () => {
    await blockUntilReady([weights, statistics]);
    await job.finish();
  };
  return { ...job, finish };
}

function prepare(work: Workload): Job {
  if (work.kind === "matmul") return matmulJob(work);
  if (work.kind === "conv") return convJob(work);
  return work.kind === "batch norm" ? batchNormJob(work) : stepJob(work);
}

await serve(async () => {
  noteDevice();
  const backends = await init("webgpu");
  if (!backends.includes("webgpu")) throw new Error(`jax-js has no WebGPU here, only ${backends.join(", ")}`);
  defaultDevice("webgpu");
  const { version } = createRequire(import.meta.url)("./node_modules/@jax-js/jax/package.json") as { version: string };
  return { library: `jax-js ${version}`, adapter: await adapterWords(), prepare };
});
