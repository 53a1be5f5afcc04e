// gradcheck: compares the gradients of an op with central differences.
import { expectOptions, OpError } from "../gpu/index.ts";
import { allocate, formatShape, readAll, Scope, Tensor, type TensorTree, tensor, tensorsOf } from "../tensor/index.ts";
import { PhiloxStream } from "../tensor/philox.ts";
import { type KeysOf, kindOf, plural, significant } from "../text/index.ts";
import { noGrad } from "./grad_mode.ts";
import { Tape } from "./tape.ts";

/** Limit of the error: atol + rtol · the largest difference of the input. A number is both. */
export type GradTolerance = number | { readonly rtol: number; readonly atol: number };

/** Options of `gradcheck`. */
export interface GradcheckOptions {
  /**
   * Step of the difference, in the units of the inputs. Default 1e-2: the functions run in f32. With a reference 1e-4. Inputs
   * must stay more than twice as far away from kinks.
   */
  readonly eps?: number;
  /** Default 1e-3; with a reference 1e-4. */
  readonly tolerance?: GradTolerance;
  /** Elements to check of each input, evenly spread. Default 40. */
  readonly samples?: number;
  /** The same function in float64, from the values of all inputs to the values of all outputs: a sharper check. */
  readonly reference?: (...inputs: Float64Array[]) => ArrayLike<number>;
  /** Names of the inputs in messages. */
  readonly names?: readonly string[];
  /** Seed of the random weights of the outputs. Default 0. */
  readonly seed?: number;
}

const KEYS: KeysOf<GradcheckOptions> = {
  ...{ eps: true, tolerance: true, samples: true },
  ...{ reference: true, names: true, seed: true },
};

/** The element of an input whose gradient differs most. */
export interface GradcheckWorst {
  readonly input: string;
  /** Index in row-major order. */
  readonly element: number;
  readonly gradient: number;
  readonly difference: number;
  readonly error: number;
  readonly limit: number;
}

/** Result of `gradcheck`. */
export interface GradcheckReport {
  /** Number of elements that were compared, over all inputs. */
  readonly checked: number;
  /** By input: the element with the largest error. */
  readonly worst: readonly GradcheckWorst[];
}

/** Settings of a check, complete and valid. */
interface Plan {
  readonly fn: (...inputs: Tensor[]) => TensorTree;
  readonly inputs: readonly Tensor[];
  readonly checked: readonly Tensor[];
  readonly names: readonly string[];
  readonly eps: number;
  readonly rtol: number;
  readonly atol: number;
  readonly samples: number;
  readonly seed: number;
  readonly reference: GradcheckOptions["reference"];
}

const OP = "gradcheck";

function expectPositive(name: string, value: number, zero = false): number {
  if (Number.isFinite(value) && (value > 0 || (zero && value === 0))) return value;
  throw new OpError(OP, `${name}: expected a number ${zero ? ">=" : ">"} 0, got ${value}`);
}

function planOf(fn: Plan["fn"], inputs: readonly Tensor[], options: GradcheckOptions): Plan {
  expectOptions(OP, options, KEYS);
  if (typeof fn !== "function") throw new OpError(OP, `expected a function of tensors, got ${kindOf(fn)}`);
  if (!Array.isArray(inputs) || inputs.length === 0) throw new OpError(OP, "inputs: expected an array of tensors");
  inputs.forEach((t: unknown, i) => {
    if (!(t instanceof Tensor)) throw new OpError(OP, `inputs: expected a tensor at [${i}], got ${kindOf(t)}`);
    if (t.isMeta) throw new OpError(OP, `inputs: expected a tensor with data at [${i}]`, { input: t });
  });
  const { reference, names = [], samples = 40, seed = 0 } = options;
  const { eps = reference ? 1e-4 : 1e-2, tolerance = reference ? 1e-4 : 1e-3 } = options;
  const { rtol, atol } = typeof tolerance === "number" ? { rtol: tolerance, atol: tolerance } : tolerance;
  const floats = inputs.filter((t) => t.dtype === "f32");
  const wanted = floats.filter((t) => t.requiresGrad);
  if (floats.length === 0) throw new OpError(OP, "inputs: expected at least one of f32");
  if (!(Number.isInteger(samples) && samples >= 1))
    throw new OpError(OP, `samples: expected an integer >= 1, got ${samples}`);
  return {
    fn,
    inputs,
    checked: [...new Set(wanted.length > 0 ? wanted : floats)],
    names: inputs.map((_, i) => names[i] ?? `input ${i}`),
    eps: expectPositive("eps", eps),
    rtol: expectPositive("tolerance", rtol, true),
    atol: expectPositive("tolerance", atol, true),
    samples,
    seed,
    reference,
  };
}

function outputsOf(y: unknown): Tensor[] {
  const all = tensorsOf(y).map(([, t]) => t);
  if (all.length === 0)
    throw new OpError(OP, `expected the function to return a tensor, got ${y === null ? y : typeof y}`);
  for (const t of all)
    if (t.dtype !== "f32") throw new OpError(OP, `expected outputs of f32, got ${t.dtype}`, { output: t });
  return all;
}

/** Read the outputs of one run without a tape. */
async function evaluate({ fn, inputs }: Plan): Promise<Float64Array[]> {
  using _scope = new Scope();
  const values = await readAll(...outputsOf(noGrad(() => fn(...inputs))));
  return values.map((v) => Float64Array.from(v));
}

/** Run backward from output `i` with its weights; the gradients add up in the inputs. Returns the output. */
async function backward({ fn, inputs }: Plan, i: number, weights: Float64Array): Promise<Float64Array> {
  using _scope = new Scope();
  using tape = new Tape();
  const y = tape.keep(outputsOf(fn(...inputs))[i]!);
  if (!tape.recorded(y))
    throw new OpError(OP, `output ${i}: expected a result of ops with gradients on the inputs`, { output: y });
  tape.backward(y, tensor(Float32Array.from(weights), y.shape));
  return Float64Array.from(await y.data());
}

/** Return Σ weights · (up - down) over all outputs. */
function weightedChange(weights: readonly Float64Array[], up: readonly ArrayLike<number>[], down: typeof up): number {
  let sum = 0;
  weights.forEach((row, k) => {
    for (let i = 0; i < row.length; i++) sum += row[i]! * (up[k]![i]! - down[k]![i]!);
  });
  return sum;
}

/** Return the derivative of Σ weights · outputs by one element, from runs in f32: the fourth-order formula of four points. */
async function differenceOnGpu(plan: Plan, t: Tensor, values: Float32Array, i: number, weights: Float64Array[]) {
  const x = values[i]!;
  const at = async (steps: number) => {
    values[i] = x + steps * plan.eps;
    t.set(values);
    return { x: values[i]!, y: await evaluate(plan) }; // x: what f32 made of the step
  };
  const slope = async (steps: number) => {
    const [up, down] = [await at(steps), await at(-steps)];
    return weightedChange(weights, up.y, down.y) / (up.x - down.x);
  };
  try {
    const [near, far] = [await slope(1), await slope(2)];
    return (4 * near - far) / 3;
  } finally {
    values[i] = x;
    t.set(values);
  }
}

/** Return the same from the reference, by two points. */
function differenceOfReference(
  { eps, reference }: Plan,
  all: readonly Float64Array[],
  t: number,
  i: number,
  weights: Float64Array[],
): number {
  const values = all[t]!;
  const x = values[i]!;
  const at = (step: number) => {
    values[i] = x + step;
    return reference!(...all);
  };
  // The reference returns all outputs in one list.
  const one = [Float64Array.from(weights.flatMap((row) => [...row]))];
  const [up, down] = [[Float64Array.from(at(eps))], [Float64Array.from(at(-eps))]];
  values[i] = x;
  return weightedChange(one, up, down) / (2 * eps);
}

/** Compare the elements of one input. Returns the worst one and a description of the errors, or null. */
function compare(
  plan: Plan,
  t: Tensor,
  gradient: ArrayLike<number>,
  differences: ReadonlyMap<number, number>,
): { worst: GradcheckWorst; fault: string | null } {
  const input = plan.names[plan.inputs.indexOf(t)]!;
  const largest = Math.max(...[...differences.values()].map(Math.abs));
  const limit = plan.atol + plan.rtol * largest;
  let worst: GradcheckWorst | null = null;
  let off = 0;
  for (const [element, difference] of differences) {
    const found = Math.abs(gradient[element]! - difference);
    const error = Number.isNaN(found) ? Number.POSITIVE_INFINITY : found;
    if (!(error <= limit)) off++;
    if (!worst || error > worst.error)
      worst = { input, element, gradient: gradient[element]!, difference, error, limit };
  }
  if (off === 0) return { worst: worst!, fault: null };
  const { element, error, difference, gradient: got } = worst!;
  const [expected, actual, by, most] = [difference, got, error, limit].map((v) => significant(v, 6));
  const head = `${input} ${formatShape(t.shape)}: element ${element}: expected the gradient ${expected}, got ${actual}`;
  const fault = `${head}, off by ${by}, limit ${most}; ${off} of ${plural(differences.size, "checked element")} off`;
  return { worst: worst!, fault };
}

/** Elements to check: `samples` of n, evenly spread. */
function spread(n: number, samples: number): number[] {
  const stride = Math.max(1, Math.floor(n / samples));
  return Array.from({ length: Math.ceil(n / stride) }, (_, i) => i * stride);
}

/** True for equal values, but for rounding: a tuner may choose another kernel for the second run. */
function isRepeated(first: Float64Array, again: Float64Array): boolean {
  const limit = 1e-5 * first.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const isClose = (v: number, i: number) => Object.is(v, again[i]) || Math.abs(v - again[i]!) <= limit;
  return first.length === again.length && first.every(isClose);
}

/** Return random weights of the outputs: values of f32, away from 0. */
function weightsOf(outputs: readonly Float64Array[], seed: number): Float64Array[] {
  const stream = new PhiloxStream(seed, "init");
  const draw = () => Math.fround((stream.nextBelow(2) - 0.5) * (1 + 2 * stream.nextFloat()));
  return outputs.map((y) => Float64Array.from(y, draw));
}

async function check(plan: Plan): Promise<GradcheckReport> {
  const outputs = await evaluate(plan);
  const weights = weightsOf(outputs, plan.seed);
  for (const [i, first] of outputs.entries()) {
    const again = await backward(plan, i, weights[i]!);
    if (!isRepeated(first, again))
      throw new OpError(OP, "expected the function to return the same values each time; does it draw random numbers?");
  }
  const host = await readAll(...plan.inputs);
  const doubles = host.map((values) => Float64Array.from(values));
  const worst: GradcheckWorst[] = [];
  const faults: string[] = [];
  let checked = 0;
  for (const t of plan.checked) {
    const at = plan.inputs.indexOf(t);
    if (!t.gradArrived) throw new OpError(OP, `${plan.names[at]}: expected a gradient, got none`, { input: t });
    const gradient = await t.grad!.data();
    const differences = new Map<number, number>();
    for (const i of spread(t.numel, plan.samples)) {
      const d = plan.reference
        ? differenceOfReference(plan, doubles, at, i, weights)
        : await differenceOnGpu(plan, t, host[at] as Float32Array, i, weights);
      differences.set(i, d);
    }
    checked += differences.size;
    const result = compare(plan, t, gradient, differences);
    worst.push(result.worst);
    if (result.fault !== null) faults.push(result.fault);
  }
  if (faults.length > 0) throw new OpError(OP, faults.join("; "));
  return { checked, worst };
}

/**
 * Check the gradients of a function of tensors, such as an op of your own: compare backward with differences of forward.
 *
 * The function gets the inputs and returns one tensor, or an array or object of tensors, all f32. Inputs with `requiresGrad` are
 * checked; if none has it, every f32 input. A parameter that the function reads by closure is checked if it is among the inputs.
 * The inputs are changed during the check and restored.
 *
 * Compares   |gradient - difference| <= atol + rtol · max|difference of that input|, for up to `samples` elements of each input.
 *            Differences come from four runs in f32 per element, or from `reference`, in float64.
 * Returns    the number of elements, and the worst element of each input.
 * Errors     OpError that names the worst element of every input beyond the limit; if no gradient arrives; if the function does
 *            not return the same values each time; for options out of range.
 *
 * @example
 * const report = await gradcheck((x, w) => tanh(mul(x, w)), [tensor([0.5, -1]), tensor([2, 3])]);
 * console.log(report.checked, report.worst.every((w) => w.error < 1e-3)); // 4 true
 */
export async function gradcheck(
  fn: (...inputs: Tensor[]) => TensorTree,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<GradcheckReport> {
  const plan = planOf(fn, inputs, options);
  const before = [...new Set(plan.inputs)].map((t) => ({
    t,
    needs: t.requiresGrad,
    grad: t.grad,
    arrived: t.gradArrived,
  }));
  try {
    for (const { t } of before) {
      t.requiresGrad = plan.checked.includes(t);
      // A new slot: the gradient does not mix with an earlier one, nor count as one without an optimizer.
      t.grad = t.requiresGrad ? allocate(t.shape, "f32", { scoped: false }) : null;
      t.gradArrived = false;
    }
    return await check(plan);
  } finally {
    for (const { t, needs, grad, arrived } of before) {
      t.grad?.dispose();
      Object.assign(t, { requiresGrad: needs, grad, gradArrived: arrived });
    }
  }
}
