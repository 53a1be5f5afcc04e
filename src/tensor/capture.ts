// captureStep(fn): run a step once, record its dispatches, and replay the list afterwards with no work on the host.
import {
  Arena,
  buffersOf,
  CaptureError,
  type Command,
  currentGpu,
  type Gpu,
  type PooledBuffer,
  settleArena,
} from "../gpu/index.ts";
import { expectKeys, isRecord, kindOf } from "../text/index.ts";
import { dtypeOf, type TypedArray } from "./dtype.ts";
import { Scope } from "./scope.ts";
import { formatShape, numel, type Shape } from "./shape.ts";
import { allocate, Tensor } from "./tensor.ts";

/** Values on the host with their shape: an input of a step, or an entry of a state dict. */
export interface HostArray<Data = TypedArray> {
  /** Values in row-major order. */
  readonly data: Data;
  /** Sizes of the axes. */
  readonly shape: Shape;
}

/** Arrays to upload for a step, by name. */
export type StepArrays<K extends string> = Readonly<Record<K, HostArray>>;
/** Tensors that a step returns, by name. */
export type StepTensors = Readonly<Record<string, Tensor>>;

interface Recording<O extends StepTensors> {
  readonly gpu: Gpu;
  readonly inputs: Record<string, Tensor>;
  readonly outputs: O;
  /** StepTensors made by the step, which are freed with it. Others (a parameter, an input) belong to their makers. */
  readonly owned: readonly Tensor[];
  readonly commands: Command[];
  readonly arena: Arena;
  readonly retained: PooledBuffer[];
  readonly memory: StepMemory;
  /** Work of the host after each run. */
  readonly after: readonly HostWork[];
}

interface HostWork {
  readonly owner: object;
  readonly work: () => void;
  readonly check: (() => void) | undefined;
}

/** Host work registered by the step that is being recorded; null outside a recording. */
let registered: HostWork[] | null = null;

/**
 * Call `work` after the step that is being captured, in its first run and in each replay: it may upload the numbers of the next
 * step. `check` is called before each replay and may throw. Outside a captured step, call `work` at once. Returns how many works
 * `owner` has in this step.
 */
export function afterRun(owner: object, work: () => void, check?: () => void): number {
  if (!registered) {
    work();
    return 1;
  }
  registered.push({ owner, work, check });
  return registered.filter((entry) => entry.owner === owner).length;
}

/** Memory of a captured step, in bytes. */
export interface StepMemory {
  /** Buffers of the step's own values: activations, gradients in progress, workspaces, outputs. */
  readonly arenaBytes: number;
  /** Largest sum of the values alive at one command. No plan gets below it without another order of the commands. */
  readonly lowerBound: number;
  /** arenaBytes / lowerBound: 1 is optimal, also for a step that makes no values. */
  readonly ratio: number;
  /** Buffers from outside that the commands bind: inputs, weights, gradients, momentum. */
  readonly persistentBytes: number;
  /** Dispatches, copies and clears of the step. */
  readonly commands: number;
}

/** Options of `captureStep`. */
export interface CaptureOptions {
  /** False runs `fn` each time: slower, for checking that replay gives the same bits. Default true. */
  readonly replay?: boolean;
}

/** One dispatch of a captured step. */
export interface DescribedCommand {
  /** Name of the kernel. */
  readonly kernel: string;
  /** Workgroups in x, y and z. */
  readonly grid: readonly [number, number, number];
  /** Bytes of the tensors that it binds. */
  readonly bytes: number;
}

/** A recorded step. `run` uploads its inputs and replays; each set of input shapes has its own recording. */
export class CapturedStep<K extends string, O extends StepTensors> implements Disposable {
  private readonly fn: (inputs: Record<K, Tensor>) => O;
  private readonly useReplay: boolean;
  private readonly recordings = new Map<string, Recording<O>>();
  private latest: Recording<O> | null = null;

  /** @internal */
  constructor(fn: (inputs: Record<K, Tensor>) => O, options: CaptureOptions) {
    expectKeys(options, { replay: true }, (problem) => new CaptureError(`captureStep: ${problem}`));
    if (typeof fn !== "function") throw new CaptureError(`captureStep: expected a function, got ${kindOf(fn)}`);
    this.fn = fn;
    this.useReplay = options.replay ?? true;
  }

  /** Return the tensors that `fn` returned in the latest run. Read them before the next run overwrites them. */
  get outputs(): O {
    if (!this.latest) throw new CaptureError("outputs: the step has not run yet");
    return this.latest.outputs;
  }

  /** Enqueue one step. The first call with new input shapes executes and records; later ones replay. */
  run(inputs: StepArrays<K>): O {
    const gpu = currentGpu();
    gpu.raisePending();
    gpu.stream.expectNotRecording("captured steps do not nest");
    let key = "";
    if (!isRecord(inputs)) throw new CaptureError(`inputs: expected { name: { data, shape } }, got ${kindOf(inputs)}`);
    for (const [name, { data, shape }] of Object.entries<HostArray>(inputs)) {
      if (!ArrayBuffer.isView(data) || !Array.isArray(shape))
        throw new CaptureError(`input ${name}: expected { data, shape }, a typed array and its shape`);
      if (numel(shape) !== data.length) {
        const problem = `input ${name}: expected ${numel(shape)} values for shape ${formatShape(shape)}, got ${data.length}`;
        throw new CaptureError(problem);
      }
      key += `${name}:${formatShape(shape)}${dtypeOf(data)};`;
    }
    const known = this.recordings.get(key);
    if (known?.gpu === gpu && this.useReplay) {
      for (const { check } of known.after) check?.();
      this.upload(known.inputs, inputs);
      gpu.stream.replay(known.commands);
      this.latest = known;
    } else {
      if (known) this.forget(known);
      this.recordings.delete(key);
      this.latest = null;
      this.latest = this.record(gpu, inputs);
      this.recordings.set(key, this.latest);
    }
    for (const { work } of this.latest.after) work();
    return this.latest.outputs;
  }

  private upload(targets: Record<string, Tensor>, inputs: StepArrays<K>): void {
    for (const [name, { data }] of Object.entries<HostArray>(inputs)) targets[name]!.set(data);
  }

  private record(gpu: Gpu, inputs: StepArrays<K>): Recording<O> {
    const fixed: Record<string, Tensor> = {};
    const arena = new Arena();
    let result: { outputs: O; owned: Tensor[] } | null = null;
    const commands: Command[] = [];
    const after: HostWork[] = [];
    try {
      for (const [name, { data, shape }] of Object.entries<HostArray>(inputs)) {
        fixed[name] = allocate(shape, dtypeOf(data), { scoped: false });
        (fixed[name] as Tensor).name = name;
      }
      this.upload(fixed, inputs);
      gpu.pool.enter(arena);
      gpu.stream.record();
      registered = after;
      try {
        result = this.execute(fixed as Record<K, Tensor>);
      } finally {
        registered = null;
        commands.push(...gpu.stream.takeRecording());
        gpu.pool.leave();
      }
    } finally {
      if (!result) {
        gpu.pool.dissolve(arena);
        for (const t of Object.values(fixed)) t.dispose();
      }
    }
    const lowerBound = settleArena(gpu.pool, arena, commands);
    // Buffers from outside the arena (weights, inputs) must outlive the recording that binds them.
    const own = new Set(arena.values);
    const retained = new Set<PooledBuffer>();
    for (const command of commands) {
      for (const buffer of buffersOf(command)) if (!own.has(buffer)) retained.add(buffer);
    }
    for (const buffer of retained) buffer.retain();
    gpu.stream.run(commands);
    const arenaBytes = arena.bytes;
    const memory = {
      arenaBytes,
      lowerBound,
      ratio: lowerBound > 0 ? arenaBytes / lowerBound : 1,
      persistentBytes: [...retained].reduce((sum, b) => sum + b.bytes, 0),
      commands: commands.length,
    };
    return { gpu, inputs: fixed, ...result, commands, arena, retained: [...retained], memory, after };
  }

  /** Run `fn` in a new scope, which its outputs outlive. */
  private execute(inputs: Record<K, Tensor>): { outputs: O; owned: Tensor[] } {
    using scope = new Scope();
    const outputs: unknown = this.fn(inputs);
    if (outputs instanceof Promise) {
      outputs.catch(() => {}); // the error below says more
      throw new CaptureError("fn is async: what follows its first await would not be recorded");
    }
    const entries = Object.entries((Object(outputs) === outputs ? outputs : { outputs }) as Record<string, unknown>);
    for (const [name, t] of entries) {
      if (!(t instanceof Tensor))
        throw new CaptureError(`expected fn to return named tensors, got another value for ${name}`);
      if (t.isDisposed)
        throw new CaptureError(`output ${name} was disposed (a Tape frees what it recorded; keep it with tape.keep)`);
    }
    const owned = (entries as [string, Tensor][]).map(([, t]) => t).filter((t) => scope.owns(t));
    for (const t of owned) Scope.release(t);
    return { outputs: outputs as O, owned };
  }

  private forget(recording: Recording<O>): void {
    for (const buffer of recording.retained) buffer.release();
    for (const t of [...recording.owned, ...Object.values(recording.inputs)]) t.dispose();
    recording.gpu.pool.dissolve(recording.arena);
  }

  /** The recorded list of the latest run: kernel, grid, bytes bound. */
  describe(): DescribedCommand[] {
    return (this.latest?.commands ?? []).map((c) =>
      c.kind === "dispatch"
        ? { kernel: c.kernel, grid: c.grid, bytes: c.bytes }
        : { kernel: c.kind, grid: [0, 0, 0], bytes: c.bytes },
    );
  }

  /**
   * Return the memory of the latest run's recording, in bytes, and the least that any allocator would need for the same order of
   * commands. Inputs count as persistent. Throws CaptureError before the first run.
   */
  memory(): StepMemory {
    if (!this.latest) throw new CaptureError("memory: the step has not run yet");
    return this.latest.memory;
  }

  /** Free the recordings and their outputs. A later run records again. */
  dispose(): void {
    for (const recording of this.recordings.values()) this.forget(recording);
    this.recordings.clear();
    this.latest = null;
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Capture a step. `fn` gets its inputs as tensors and returns the tensors to keep. A value that varies between steps must be
 * an input or a `scalar()`; numbers of the host are frozen at the first run. Throws CaptureError if `fn` reads back or uploads.
 *
 * @example
 * const w = scalar(1);
 * const step = captureStep(({ x }) => ({ y: mul(x, w) }));
 * const x = { data: new Float32Array([1, 2]), shape: [2] };
 * console.log(await step.run({ x }).y.data()); // 1, 2
 * w.set(10); // the replay reads the new value
 * console.log(await step.run({ x }).y.data()); // 10, 20
 * step.dispose();
 */
export function captureStep<K extends string, O extends StepTensors>(
  fn: (inputs: Record<K, Tensor>) => O,
  options: CaptureOptions = {},
): CapturedStep<K, O> {
  return new CapturedStep(fn, options);
}
