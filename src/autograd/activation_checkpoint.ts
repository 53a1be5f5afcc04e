// Activation checkpointing: backward recomputes the activations of a function instead of saving them. Less memory, one more
// forward pass.
import { OpError } from "../gpu/index.ts";
import { Scope, sameShape, Tensor } from "../tensor/index.ts";
import { gradEnabled, withGrad } from "./grad_mode.ts";
import { currentTape, type Expansion, Tape, type TapeNode } from "./tape.ts";

/** Values that the running functions remember from their first run. */
interface Run {
  readonly remembered: Tensor[];
  /** Index of the next remembered value in a second run; null in a first run. */
  next: number | null;
}

const runs: Run[] = [];

function recall(make: () => Tensor, level: number): Tensor {
  const run = runs[level];
  if (!run) return make();
  if (run.next !== null) {
    const known = run.remembered[run.next++];
    if (!known) throw new OpError("activationCheckpoint", "the second run of the function did more than the first");
    return known.alias();
  }
  const value = recall(make, level - 1);
  run.remembered.push(value.alias(value.shape, false));
  return value;
}

/**
 * Call `make` in the first run of a checkpointed function; the second run gets the same tensor without a call. For ops that
 * change state or read what may change, such as batch norm's statistics (which move the running ones) and dropout's step
 * number. Outside activationCheckpoint it is `make()`. The tensor must not be written afterwards.
 */
export function computeOnce(make: () => Tensor): Tensor {
  return recall(make, runs.length - 1);
}

function during<T>(run: Run, fn: () => T): T {
  runs.push(run);
  try {
    return fn();
  } finally {
    runs.pop();
  }
}

/** A tape that records which tensors need gradients, and saves nothing for backward. */
class Forgetful extends Tape {
  override record(node: TapeNode): void {
    for (const t of node.saved) t?.dispose();
    super.record({ ...node, saved: [] });
  }
}

/** A tape of the second run: it records the original inputs instead of the aliases that the function got. */
class Again extends Tape {
  private readonly originals: ReadonlyMap<Tensor, Tensor>;
  constructor(originals: ReadonlyMap<Tensor, Tensor>) {
    super();
    this.originals = originals;
  }
  override record(node: TapeNode): void {
    const inputs = node.inputs.map((t) => (t ? (this.originals.get(t) ?? t) : null));
    super.record({ ...node, inputs });
  }
}

const disposeAll = (tensors: readonly (Tensor | null)[]) => {
  for (const t of tensors) t?.dispose();
};

/**
 * Make `fn` save only its inputs and its result: backward runs it a second time. Gradients have the same bits as without,
 * since the ops of the second run take the function's position on the tape: only memory and time differ.
 * Checkpoints nest, and work inside captured steps. Without a tape, or under noGrad, it is `fn` itself.
 *
 * Takes     fn of tensors -> one tensor: the same computation each time it runs. State changes must go through `computeOnce`
 *           (batch norm and dropout do). Tensors it makes are freed when it returns, except the result.
 *           Parameters it uses by closure get their gradients too.
 * Errors    OpError if fn returns anything but a tensor, or if the second run differs from the first.
 * Source    Chen et al. 2016, "Training deep nets with sublinear memory cost".
 */
export function activationCheckpoint<In extends readonly Tensor[]>(
  fn: (...inputs: In) => Tensor,
): (...inputs: In) => Tensor {
  return (...inputs) => {
    inputs.forEach((t, i) => {
      if (!(t instanceof Tensor))
        throw new OpError("activationCheckpoint", `input ${i}: expected a tensor, got ${t === null ? t : typeof t}`);
    });
    const tape = currentTape();
    if (!tape || !gradEnabled() || inputs.some((t) => t.isMeta)) return expectTensor(fn(...inputs));
    const run: Run = { remembered: [], next: null };
    let y: Tensor;
    let made = false;
    try {
      using probe = new Forgetful();
      using scope = new Scope(); // closes first: the probe hands y to the scope around
      y = during(run, () => expectTensor(fn(...inputs)));
      made = probe.recorded(y);
      if (made) probe.keep(y);
      else scope.keep(y);
    } catch (error) {
      disposeAll(run.remembered);
      throw error;
    }
    // An input or a tensor from outside that fn returns, or a result that needs no gradient: there is nothing to repeat.
    if (!made) {
      disposeAll(run.remembered);
      return y;
    }
    Scope.release(y);
    const saved = inputs.map((t) => t.alias(t.shape, false));
    tape.record({
      op: "activationCheckpoint",
      inputs,
      output: y,
      saved: [...saved, ...run.remembered],
      backward: () => [],
      expand: (node) => again(fn, node.inputs, saved as unknown as In, run, y),
      options: {},
    });
    return y;
  };
}

function expectTensor(y: unknown): Tensor {
  if (y instanceof Tensor) return y;
  const problem = `expected the function to return one tensor, got ${y === null ? y : typeof y}`;
  throw new OpError("activationCheckpoint", problem);
}

/** Run the function a second time. Returns the nodes that the first run would have recorded. */
function again<In extends readonly Tensor[]>(
  fn: (...inputs: In) => Tensor,
  inputs: TapeNode["inputs"],
  saved: In,
  run: Run,
  first: Tensor,
): Expansion {
  const originals = new Map<Tensor, Tensor>();
  saved.forEach((standIn, i) => {
    const original = inputs[i]!;
    standIn.requiresGrad = original.requiresGrad;
    originals.set(standIn, original);
  });
  run.next = 0;
  using tape = new Again(originals);
  using _scope = new Scope();
  const y = withGrad(() => during(run, () => expectTensor(fn(...saved))));
  if (!tape.recorded(y) || !sameShape(y.shape, first.shape) || run.next !== run.remembered.length) {
    throw new OpError("activationCheckpoint", "the second run of the function differs from the first", {
      first,
      second: y,
    });
  }
  return { nodes: tape.takeNodes(), output: y };
}
