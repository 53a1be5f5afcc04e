// The TensorFlow.js side on WebGPU, in its fastest layout: images NHWC, filters HWIO.
import { createRequire } from "node:module";
import type { Tensor, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { batchOf, initial, oneHot, operand } from "./inputs.ts";
import { adapterWords, type Job, serve } from "./side.ts";
import type { BatchNormWork, ConvWork, MatmulWork, ParameterSpec, Parts, StepWork, Workload } from "./workloads.ts";
import { CLASSES, EPS, forward, MOMENTUM, parametersOf, RUNNING_SHARE } from "./workloads.ts";

type Core = typeof import("@tensorflow/tfjs-core");

/** Part of the WebGPU backend that submits pending commands. */
interface Backend {
  readonly queue: GPUQueue;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

// The CommonJS builds of both packages share one copy of the core.
const load = createRequire(import.meta.url);
let tf: Core;

async function finish(): Promise<void> {
  const backend = tf.backend() as unknown as Backend;
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

const values = async (t: Tensor): Promise<Float32Array> => (await t.data()) as Float32Array;

/** Convert to PyTorch's layout. */
async function readAs(t: Tensor, order: readonly number[] | null): Promise<Float32Array> {
  if (!order) return values(t);
  const turned = tf.transpose(t, [...order]);
  const data = await values(turned);
  turned.dispose();
  return data;
}

const TO_NCHW = [0, 3, 1, 2];
/** Transpose [rows, columns, in, out] to [out, in, rows, columns]. */
const TO_OIHW = [3, 2, 0, 1];
/** Transpose [rows, columns, channels, 1] to [channels, 1, rows, columns]. */
const DEPTHWISE_TO_OIHW = [2, 3, 0, 1];

/** Upload values in PyTorch's layout, converted to that of TensorFlow.js. */
function upload(data: Float32Array, shape: readonly number[], order: readonly number[] | null): Tensor {
  const given = tf.tensor(data, [...shape]);
  if (!order) return given;
  const turned = tf.transpose(given, [...order]);
  given.dispose();
  return turned;
}

/** Keep the results of the latest run. */
class Latest {
  tensors: Tensor[] = [];
  private readonly orders: readonly (readonly number[] | null)[];
  constructor(...orders: (readonly number[] | null)[]) {
    this.orders = orders;
  }
  replace(tensors: Tensor[]): void {
    tf.dispose(this.tensors);
    this.tensors = tensors;
  }
  async read(): Promise<Float32Array[]> {
    const read: Float32Array[] = [];
    for (const [i, t] of this.tensors.entries()) read.push(await readAs(t, this.orders[i] ?? null));
    return read;
  }
}

function jobOf(latest: Latest, body: () => Tensor[]): Job {
  return { run: () => latest.replace(body()), finish, read: () => latest.read() };
}

function matmulJob({ n }: MatmulWork): Job {
  const a = upload(operand("a", [n, n]), [n, n], null) as Tensor2D;
  const b = upload(operand("b", [n, n]), [n, n], null) as Tensor2D;
  return jobOf(new Latest(null), () => [tf.matMul(a, b)]);
}

function convJob({ batch, inputs, outputs, size, kernel, groups, pass }: ConvWork): Job {
  const depthwise = groups > 1;
  const xShape = [batch, inputs, size, size];
  const wShape = [outputs, inputs / groups, kernel, kernel];
  const yShape = [batch, outputs, size, size];
  const x = upload(operand("x", xShape), xShape, [0, 2, 3, 1]) as Tensor4D;
  const w = upload(operand("w", wShape), wShape, depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]) as Tensor4D;
  const dy = upload(operand("dy", yShape), yShape, [0, 2, 3, 1]) as Tensor4D;
  if (pass === "forward") {
    return jobOf(new Latest(TO_NCHW), () => [
      depthwise ? tf.depthwiseConv2d(x, w, 1, "same") : tf.conv2d(x, w, 1, "same"),
    ]);
  }
  // One gradient alone, with the kernels of the library's own gradient of a convolution.
  const common = { strides: [1, 1], pad: "same", dataFormat: "NHWC", dimRoundingMode: undefined, dilations: [1, 1] };
  const prefix = depthwise ? "DepthwiseConv2dNativeBackprop" : "Conv2DBackprop";
  const run = (name: string, given: Record<string, Tensor>, more: Record<string, unknown>) => [
    tf.engine().runKernel(name, given, { ...common, ...more } as unknown as Parameters<typeof runKernel>[2]) as Tensor,
  ];
  const { runKernel } = tf.engine();
  if (pass === "grad input") {
    return jobOf(new Latest(TO_NCHW), () => run(`${prefix}Input`, { dy, filter: w }, { inputShape: x.shape }));
  }
  const order = depthwise ? DEPTHWISE_TO_OIHW : TO_OIHW;
  return jobOf(new Latest(order), () => run(`${prefix}Filter`, { x, dy }, { filterShape: w.shape }));
}

function batchNormJob({ shape }: BatchNormWork): Job {
  const channels = shape[1];
  const x = upload(operand("x", shape), shape, [0, 2, 3, 1]) as Tensor4D;
  const dy = upload(operand("dy", shape), shape, [0, 2, 3, 1]);
  const weight = tf.ones([channels]);
  const bias = tf.zeros([channels]);
  const both = tf.valueAndGrads((image: Tensor, scale: Tensor, shift: Tensor) => {
    const { mean, variance } = tf.moments(image, [0, 1, 2]);
    return tf.batchNorm(image, mean as never, variance as never, shift as never, scale as never, EPS);
  });
  return jobOf(new Latest(TO_NCHW, TO_NCHW, null, null), () => {
    const { value, grads } = both([x, weight, bias], dy);
    return [value, ...grads];
  });
}

/** Convert a linear layer's weight [out, channels plane] for inputs flattened with the channels last. */
function channelsLast(data: Float32Array, [out = 1, width = 1]: readonly number[], plane: number): Float32Array {
  const channels = width / plane;
  const turned = new Float32Array(data.length);
  for (let o = 0; o < out; o++) {
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < plane; p++) turned[o * width + p * channels + c] = data[o * width + c * plane + p] as number;
    }
  }
  return turned;
}

function parameter(spec: ParameterSpec, index: number): Variable {
  const { shape, plane } = spec;
  const data = initial(spec, index);
  if (shape.length === 4) return tf.variable(upload(data, shape, [2, 3, 1, 0]));
  if (shape.length === 2) return tf.variable(upload(plane ? channelsLast(data, shape, plane) : data, shape, [1, 0]));
  return tf.variable(upload(data, shape, null));
}

class Net {
  readonly parameters: Map<string, Variable>;
  private readonly running = new Map<string, { mean: Variable; variance: Variable }>();
  private readonly work: StepWork;

  constructor(work: StepWork) {
    this.work = work;
    this.parameters = new Map(parametersOf(work.net).map((spec, i) => [spec.name, parameter(spec, i)]));
    for (const [name, value] of this.parameters) {
      const layer = name.replace(/\.weight$/, "");
      if (layer === name || value.rank !== 1) continue;
      const count = value.size;
      this.running.set(layer, { mean: tf.variable(tf.zeros([count])), variance: tf.variable(tf.ones([count])) });
    }
  }

  private get(name: string): Variable {
    const found = this.parameters.get(name);
    if (!found) throw new Error(`no parameter ${name}`);
    return found;
  }

  private norm(x: Tensor, name: string): Tensor {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const running = this.running.get(name);
    if (!running) throw new Error(`no batch norm ${name}`);
    for (const [old, now] of [
      [running.mean, mean],
      [running.variance, variance],
    ] as const) {
      old.assign(tf.add(tf.mul(old, 1 - RUNNING_SHARE), tf.mul(now, RUNNING_SHARE)));
    }
    const [weight, bias] = [this.get(`${name}.weight`), this.get(`${name}.bias`)];
    return tf.batchNorm(x as Tensor4D, mean as never, variance as never, bias as never, weight as never, EPS);
  }

  forward(x: Tensor): Tensor {
    const parts: Parts<Tensor> = {
      conv: (h, name, stride, padding) => this.conv(h as Tensor4D, name, stride, padding),
      norm: (h, name) => this.norm(h, name),
      relu: (h) => tf.relu(h),
      add: (a, b) => tf.add(a, b),
      linear: (h, name) =>
        tf.add(tf.matMul(h as Tensor2D, this.get(`${name}.weight`) as unknown as Tensor2D), this.get(`${name}.bias`)),
      flatten: (h) => tf.reshape(h, [this.work.batch, -1]),
      pool: (h) => tf.mean(h, [1, 2]),
      share: (h) => h,
    };
    return forward(this.work.net, x, parts);
  }

  private conv(x: Tensor4D, name: string, stride: number, padding: number): Tensor {
    const w = this.get(`${name}.weight`) as unknown as Tensor4D;
    return tf.conv2d(x, w, stride, padding);
  }
}

function stepJob(work: StepWork): Job {
  const { batch, channels, size, lr } = work;
  const net = new Net(work);
  const { x: images, y: labels } = batchOf(work);
  const x = upload(images, [batch, channels, size, size], [0, 2, 3, 1]);
  const y = tf.tensor(oneHot(labels), [batch, CLASSES]);
  const optimizer = tf.train.momentum(lr, MOMENTUM);
  const trained = [...net.parameters.values()];
  return jobOf(new Latest(null), () => {
    const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, net.forward(x)), true, trained);
    return [loss as Tensor];
  });
}

function prepare(work: Workload): Job {
  if (work.kind === "matmul") return matmulJob(work);
  if (work.kind === "conv") return convJob(work);
  return work.kind === "batch norm" ? batchNormJob(work) : stepJob(work);
}

await serve(async () => {
  tf = load("@tensorflow/tfjs-core") as Core;
  // The core's gradients are in a separate module. Both copies of the core share the global registry and engine.
  load("@tensorflow/tfjs-core/dist/register_all_gradients.js");
  load("@tensorflow/tfjs-backend-cpu");
  load("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  if (tf.getBackend() !== "webgpu") throw new Error(`TensorFlow.js took the backend ${tf.getBackend()}`);
  return { library: `TensorFlow.js ${tf.version_core}`, adapter: await adapterWords(), prepare };
});
