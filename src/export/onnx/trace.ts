// Traces a model: runs its forward pass on shapes alone and records every op with its module.
import { traceOps } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import { SpikingInput } from "../../models/index.ts";
import {
  DirectEncoder,
  type InputShapes,
  LatencyEncoder,
  type Module,
  metaInputs,
  overrideMethod,
  PoissonEncoder,
  SpikingNode,
  type TracedStep,
  type Undo,
  WeightedPhaseEncoder,
  watchModule,
} from "../../nn/index.ts";
import { reshape } from "../../ops/reshape.ts";
import { type Tensor, tensorsOf } from "../../tensor/index.ts";
import { kindOf } from "../../text/index.ts";
import { type OnnxShape, symbolic } from "./shape.ts";

const ENCODERS = [DirectEncoder, LatencyEncoder, PoissonEncoder, WeightedPhaseEncoder];
/** Two batch sizes that are unlikely to divide the sizes of a layer. */
const BATCHES = [7, 11] as const;

/** Tensors by the names that they have in the graph. */
type Named = readonly (readonly [name: string, tensor: Tensor])[];

interface Run {
  readonly steps: readonly TracedStep[];
  readonly inputs: Named;
  /** "logits" for one output; the paths in an array or object of several. */
  readonly outputs: Named;
}

export interface Trace extends Run {
  /** Shapes of the inputs and of every op's output. Shapes that depend on the batch otherwise than as a multiple are missing. */
  readonly shapes: ReadonlyMap<Tensor, OnnxShape>;
  /** Number of time steps of a spiking model, of which the trace has one. Null for other models, and if unknown. */
  readonly timeSteps: number | null;
  readonly spiking: boolean;
}

/** Make inputs and encoders return a sequence of one time step. Returns a function that undoes this. */
function oneStep(m: Module): Undo[] {
  const undo: Undo[] = [];
  if (m instanceof SpikingInput) {
    const input = m as { timeSteps: number };
    const { timeSteps } = m;
    input.timeSteps = 1;
    undo.push(() => {
      input.timeSteps = timeSteps;
    });
  }
  if (m instanceof SpikingNode) {
    const { observer } = m;
    m.observer = null;
    undo.push(() => {
      m.observer = observer;
    });
  }
  if (ENCODERS.some((encoder) => m instanceof encoder)) {
    undo.push(overrideMethod(m, "forward", (x: Tensor) => reshape(x, { shape: [1, ...x.shape] })));
  }
  return undo;
}

function namedOutputs(y: unknown): Named {
  const all = tensorsOf(y);
  if (all.length === 0) throw new OpError("exportOnnx", `expected forward to return a tensor, got ${kindOf(y)}`);
  // Entries of an array are output0, output1, ...
  return all.map(([path, t]) => [path === "" ? "logits" : path.replace(/^(?=\d)/, "output"), t]);
}

function run(model: Module, input: InputShapes, batch: number, stack: string[]): Run {
  const steps: TracedStep[] = [];
  const { inputs, tensors } = metaInputs("exportOnnx", input, batch);
  const outputs = traceOps(
    (op) => steps.push({ ...op, module: stack.at(-1) ?? "" }),
    () => model.forward(...inputs) as unknown,
  );
  return { steps, inputs: tensors, outputs: namedOutputs(outputs) };
}

/** Return the input of one event frame: a spiking input takes other channels than the frame has. */
function frameOf(input: InputShapes, spikingInput: SpikingInput | undefined): InputShapes {
  if (!spikingInput || !Array.isArray(input)) return input;
  const [channels = 1, ...rest] = input as readonly (InputShapes | number)[];
  return typeof channels === "number" ? [spikingInput.channelsOf(channels), ...(rest as number[])] : input;
}

/**
 * Trace the model in evaluation mode. `input` is the shape of one sample, or several; for event frames, the trace covers one
 * frame. `batch` null means a dynamic batch. `prepare` changes a module for the trace. Restores the model. Errors: OpError for shapes that do not fit.
 */
export function traceModel(
  model: Module,
  input: InputShapes,
  batch: number | null,
  prepare: (m: Module) => Undo[] = () => [],
): Trace {
  const modules = [...model.namedModules()];
  const training = modules.map(([, m]) => [m, m.training] as const);
  const inputs = modules.flatMap(([, m]) => (m instanceof SpikingInput ? [m] : []));
  const spiking = modules.some(([, m]) => m instanceof SpikingNode);
  const [spikingInput] = inputs;
  const timeSteps = spikingInput?.timeSteps ?? null;
  const sample = frameOf(input, spikingInput);
  const stack: string[] = [];
  const undo: Undo[] = [];
  try {
    for (const [name, m] of modules) undo.push(...oneStep(m), ...prepare(m), ...watchModule(name, m, stack));
    model.eval();
    const [a, b] = batch === null ? BATCHES : [batch, batch];
    const first = run(model, sample, a, stack);
    const second = batch === null ? run(model, sample, b, stack) : first;
    return { ...first, shapes: shapesOf(first, second, a, b), timeSteps, spiking };
  } finally {
    for (const restore of undo.reverse()) restore();
    for (const [m, mode] of training) m.training = mode;
  }
}

function shapesOf(first: Run, second: Run, a: number, b: number): Map<Tensor, OnnxShape> {
  const shapes = new Map<Tensor, OnnxShape>();
  const note = (t: Tensor, other: Tensor) => {
    const shape = symbolic(t.shape, other.shape, a, b);
    if (shape) shapes.set(t, shape);
  };
  const ops = ({ steps }: Run) => steps.map(({ op }) => op).join();
  if (ops(first) !== ops(second))
    throw new OpError("exportOnnx", "the ops depend on the batch size: set `batch` to a number");
  first.inputs.forEach(([, t], i) => {
    note(t, second.inputs[i]![1]);
  });
  first.steps.forEach(({ output }, i) => {
    note(output, second.steps[i]!.output);
  });
  return shapes;
}
