// The workloads of all sides: shapes, inputs and nets, described without any library.

/** y = a b, square matrices. */
export interface MatmulWork {
  readonly kind: "matmul";
  readonly name: string;
  readonly n: number;
}

export type ConvPass = "forward" | "grad input" | "grad weight";

/** One pass of a convolution with stride 1 that keeps height and width. */
export interface ConvWork {
  readonly kind: "conv";
  readonly name: string;
  readonly pass: ConvPass;
  readonly batch: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Height and width. */
  readonly size: number;
  readonly kernel: number;
  readonly padding: number;
  /** 1, or `inputs` for a depthwise convolution. */
  readonly groups: number;
}

/** Batch norm in training, forward and all three gradients. */
export interface BatchNormWork {
  readonly kind: "batch norm";
  readonly name: string;
  readonly shape: readonly [batch: number, channels: number, rows: number, columns: number];
}

export type NetName = "lenet-bn" | "resnet-20";

/** A training step: forward, cross entropy, backward, SGD with momentum, running statistics. */
export interface StepWork {
  readonly kind: "step";
  readonly name: string;
  readonly net: NetName;
  readonly batch: number;
  readonly channels: number;
  readonly size: number;
  readonly lr: number;
}

export type Workload = MatmulWork | ConvWork | BatchNormWork | StepWork;

export const MOMENTUM = 0.9;
/** Weight of the new statistics in the running ones. */
export const RUNNING_SHARE = 0.1;
export const EPS = 1e-5;
export const CLASSES = 10;

const CONVS: readonly Omit<ConvWork, "kind" | "name" | "pass">[] = [
  { batch: 8, inputs: 16, outputs: 32, size: 32, kernel: 3, padding: 1, groups: 1 },
  { batch: 8, inputs: 64, outputs: 64, size: 16, kernel: 3, padding: 1, groups: 1 },
  { batch: 8, inputs: 64, outputs: 128, size: 16, kernel: 1, padding: 0, groups: 1 },
  { batch: 8, inputs: 64, outputs: 64, size: 16, kernel: 3, padding: 1, groups: 64 },
];

const PASSES: readonly ConvPass[] = ["forward", "grad input", "grad weight"];

function convName({ batch, inputs, outputs, size, kernel, groups }: (typeof CONVS)[number]): string {
  const channels = groups > 1 ? `depthwise ${outputs}` : `${inputs}->${outputs}`;
  return `${kernel}x${kernel} ${channels} [${batch},${inputs},${size},${size}]`;
}

export const workloads: readonly Workload[] = [
  ...[256, 512].map((n): MatmulWork => ({ kind: "matmul", name: `matmul ${n}`, n })),
  ...CONVS.flatMap((conv) =>
    PASSES.map((pass): ConvWork => ({ kind: "conv", name: `conv ${pass} ${convName(conv)}`, pass, ...conv })),
  ),
  { kind: "batch norm", name: "batch norm training [8,64,16,16]", shape: [8, 64, 16, 16] },
  { kind: "step", name: "step lenet-bn batch 64", net: "lenet-bn", batch: 64, channels: 1, size: 28, lr: 0.02 },
  { kind: "step", name: "step resnet-20 batch 16", net: "resnet-20", batch: 16, channels: 3, size: 32, lr: 0.05 },
];

/** Return the largest deviation from the reference that counts as the same computation, as a share of the largest value. */
export const toleranceOf = (work: Workload): number => (work.kind === "step" ? 2e-3 : 1e-4);

/** Select the workloads whose name has all words of one of the filters. No filter: all. */
export function selectWorkloads(filters: readonly string[]): Workload[] {
  const wanted = filters.map((f) => f.toLowerCase().split(/\s+/).filter(Boolean));
  return workloads.filter(
    ({ name }) => wanted.length === 0 || wanted.some((words) => words.every((word) => name.includes(word))),
  );
}

export interface ParameterSpec {
  /** Name in PyTorch. */
  readonly name: string;
  /** Shape in PyTorch's layout: [out, in, rows, columns], [out, in] or [n]. */
  readonly shape: readonly number[];
  /** Standard deviation of the initial values; absent for constants. */
  readonly std?: number;
  /** Value of a constant. */
  readonly value?: number;
  /** Pixels per channel of the flattened image that this linear layer reads. */
  readonly plane?: number;
}

const he = (name: string, shape: readonly number[], plane?: number): ParameterSpec => ({
  name: `${name}.weight`,
  shape,
  std: Math.sqrt(2 / shape.slice(1).reduce((a, b) => a * b, 1)),
  ...(plane ? { plane } : {}),
});
const constant = (name: string, n: number, value: number): ParameterSpec => ({ name, shape: [n], value });
const norm = (name: string, n: number) => [constant(`${name}.weight`, n, 1), constant(`${name}.bias`, n, 0)];
const linear = (name: string, from: number, to: number, plane?: number) => [
  he(name, [to, from], plane),
  constant(`${name}.bias`, to, 0),
];

function lenetParameters(): ParameterSpec[] {
  return [
    he("0", [8, 1, 5, 5]),
    ...norm("1", 8),
    he("3", [16, 8, 5, 5]),
    ...norm("4", 16),
    ...linear("7", 16 * 49, 128, 49),
    ...linear("9", 128, CLASSES),
  ];
}

function resnetParameters(): ParameterSpec[] {
  const list = [he("conv1", [16, 3, 3, 3]), ...norm("bn1", 16)];
  let from = 16;
  for (const [stage, to] of [16, 32, 64].entries()) {
    for (let block = 0; block < 3; block++) {
      const at = `layer${stage + 1}.${block}`;
      list.push(he(`${at}.conv1`, [to, from, 3, 3]), ...norm(`${at}.bn1`, to));
      list.push(he(`${at}.conv2`, [to, to, 3, 3]), ...norm(`${at}.bn2`, to));
      if (from !== to) list.push(he(`${at}.downsample.0`, [to, from, 1, 1]), ...norm(`${at}.downsample.1`, to));
      from = to;
    }
  }
  return [...list, ...linear("fc", 64, CLASSES)];
}

/** List the parameters of a net in the order of their use. */
export function parametersOf(net: NetName): ParameterSpec[] {
  return net === "lenet-bn" ? lenetParameters() : resnetParameters();
}

/** The layers of the nets, implemented in one library. `share` is called before a value is used a second time. */
export interface Parts<T> {
  conv(x: T, name: string, stride: number, padding: number): T;
  norm(x: T, name: string): T;
  relu(x: T): T;
  add(a: T, b: T): T;
  linear(x: T, name: string): T;
  /** Flatten [n, c, h, w], or the library's layout of it, to two axes. */
  flatten(x: T): T;
  /** Compute the mean over height and width. */
  pool(x: T): T;
  share(x: T): T;
}

/** Compute the logits of a net on images. */
export function forward<T>(net: NetName, x: T, parts: Parts<T>): T {
  return net === "lenet-bn" ? lenet(x, parts) : resnet(x, parts);
}

function lenet<T>(x: T, { conv, norm: bn, relu, flatten, linear: fc }: Parts<T>): T {
  const first = relu(bn(conv(x, "0", 2, 2), "1"));
  const second = relu(bn(conv(first, "3", 2, 2), "4"));
  return fc(relu(fc(flatten(second), "7")), "9");
}

function resnet<T>(x: T, { conv, norm: bn, relu, add, linear: fc, pool, share }: Parts<T>): T {
  let h = relu(bn(conv(x, "conv1", 1, 1), "bn1"));
  for (let stage = 1; stage <= 3; stage++) {
    for (let block = 0; block < 3; block++) {
      const at = `layer${stage}.${block}`;
      const shrinks = stage > 1 && block === 0;
      const stride = shrinks ? 2 : 1;
      const again = share(h);
      const inner = relu(bn(conv(h, `${at}.conv1`, stride, 1), `${at}.bn1`));
      const outer = bn(conv(inner, `${at}.conv2`, 1, 1), `${at}.bn2`);
      const skip = shrinks ? bn(conv(again, `${at}.downsample.0`, stride, 0), `${at}.downsample.1`) : again;
      h = relu(add(outer, skip));
    }
  }
  return fc(pool(h), "fc");
}
