// capture(fn): run a step once, record its dispatches, and replay the list afterwards with no work on the host.
import { Arena, CaptureError, type Command, currentGpu, type Gpu, type PooledBuffer } from "../gpu/index.ts";
import { type DType, dtypeOf, type TypedArray } from "./dtype.ts";
import { Scope } from "./scope.ts";
import { formatShape, numel, type Shape } from "./shape.ts";
import { allocate, type Tensor } from "./tensor.ts";

/** One input of a step, on the host: values and their shape. */
export interface HostTensor {
  readonly data: TypedArray;
  readonly shape: Shape;
}

type Inputs<K extends string> = Readonly<Record<K, HostTensor>>;
type Outputs = Readonly<Record<string, Tensor>>;

interface Recording<O extends Outputs> {
  readonly inputs: Record<string, Tensor>;
  readonly outputs: O;
  readonly commands: Command[];
  readonly arena: Arena;
  readonly retained: PooledBuffer[];
}

export interface CaptureOptions {
  /** False runs `fn` anew each time: slower, for checking that replay gives the same bits. Default true. */
  readonly replay?: boolean;
}

export interface DescribedCommand {
  readonly kernel: string;
  readonly grid: readonly [number, number, number];
  readonly bytes: number;
}

/** A recorded step. `run` uploads its inputs and replays; each set of input shapes has a recording of its own. */
export class CapturedStep<K extends string, O extends Outputs> implements Disposable {
  private readonly fn: (inputs: Record<K, Tensor>) => O;
  private readonly useReplay: boolean;
  private readonly recordings = new Map<string, Recording<O>>();
  private latest: Recording<O> | null = null;

  constructor(fn: (inputs: Record<K, Tensor>) => O, options: CaptureOptions) {
    this.fn = fn;
    this.useReplay = options.replay ?? true;
  }

  /** Tensors that `fn` returned in the latest run. Read them before the next run overwrites them. */
  get outputs(): O {
    if (!this.latest) throw new CaptureError("outputs: the step has not run yet");
    return this.latest.outputs;
  }

  /** Enqueues one step. The first call with new input shapes executes and records; later ones replay. */
  run(inputs: Inputs<K>): O {
    const gpu = currentGpu();
    gpu.raisePending();
    let key = "";
    for (const [name, { data, shape }] of Object.entries<HostTensor>(inputs)) {
      if (numel(shape) !== data.length) {
        throw new CaptureError(
          `input ${name}: shape ${formatShape(shape)} wants ${numel(shape)} values, has ${data.length}`,
        );
      }
      key += `${name}:${formatShape(shape)}${dtypeOf(data)};`;
    }
    const known = this.recordings.get(key);
    if (known && this.useReplay) {
      this.upload(known.inputs, inputs);
      gpu.stream.replay(known.commands);
      this.latest = known;
    } else {
      if (known) this.forget(gpu, known);
      this.latest = this.record(gpu, inputs);
      this.recordings.set(key, this.latest);
    }
    return this.latest.outputs;
  }

  private upload(targets: Record<string, Tensor>, inputs: Inputs<K>): void {
    for (const [name, { data }] of Object.entries<HostTensor>(inputs)) (targets[name] as Tensor).set(data);
  }

  private record(gpu: Gpu, inputs: Inputs<K>): Recording<O> {
    const fixed: Record<string, Tensor> = {};
    for (const [name, { data, shape }] of Object.entries<HostTensor>(inputs)) {
      fixed[name] = allocate(shape, dtypeOf(data) as DType, { scoped: false });
      (fixed[name] as Tensor).name = name;
    }
    this.upload(fixed, inputs);
    const arena = new Arena();
    gpu.pool.enter(arena);
    gpu.stream.record();
    let outputs: O | null = null;
    let commands: Command[] = [];
    try {
      using _scope = new Scope();
      outputs = this.fn(fixed as Record<K, Tensor>);
      for (const output of Object.values(outputs)) Scope.release(output);
    } finally {
      commands = gpu.stream.endRecording();
      gpu.pool.leave();
      if (!outputs) {
        gpu.pool.dissolve(arena);
        for (const t of Object.values(fixed)) t.dispose();
      }
    }
    gpu.stream.flush();
    // Buffers from outside the arena (weights, inputs) must outlive the recording that binds them.
    const retained = new Set<PooledBuffer>();
    for (const command of commands) {
      const bound =
        command.kind === "dispatch"
          ? command.buffers
          : command.kind === "copy"
            ? [command.source, command.target]
            : [command.target];
      for (const buffer of bound) if (!arena.owned.has(buffer)) retained.add(buffer);
    }
    for (const buffer of retained) buffer.retain();
    return { inputs: fixed, outputs: outputs as O, commands, arena, retained: [...retained] };
  }

  private forget(gpu: Gpu, recording: Recording<O>): void {
    for (const buffer of recording.retained) buffer.release();
    for (const t of [...Object.values(recording.outputs), ...Object.values(recording.inputs)]) t.dispose();
    gpu.pool.dissolve(recording.arena);
  }

  /** The recorded list of the latest run: kernel, grid, bytes bound. */
  describe(): DescribedCommand[] {
    return (this.latest?.commands ?? []).map((c) =>
      c.kind === "dispatch"
        ? { kernel: c.kernel, grid: c.grid, bytes: c.bytes }
        : { kernel: c.kind, grid: [0, 0, 0], bytes: c.bytes },
    );
  }

  dispose(): void {
    const gpu = currentGpu();
    for (const recording of this.recordings.values()) this.forget(gpu, recording);
    this.recordings.clear();
    this.latest = null;
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Captures a step. `fn` gets its inputs as tensors and returns the tensors to keep. What varies between steps must be
 * an input or a `scalar()`; numbers of the host are frozen at the first run. Throws CaptureError when `fn` reads back or uploads.
 */
export function capture<K extends string, O extends Outputs>(
  fn: (inputs: Record<K, Tensor>) => O,
  options: CaptureOptions = {},
): CapturedStep<K, O> {
  return new CapturedStep(fn, options);
}
