// The ordered list of GPU work. Dispatches and copies go into one encoder and are submitted in batches. A recording keeps the
// commands instead, which are encoded when it has ended, as often as needed.

import { CaptureError } from "./errors.ts";
import type { PooledBuffer } from "./pooled_buffer.ts";

interface DispatchCommand {
  readonly kind: "dispatch";
  readonly kernel: string;
  readonly pipeline: GPUComputePipeline;
  /** Made by `bind` when the command is first encoded: before that, a recorded step's values have no memory. */
  bindGroup: GPUBindGroup | null;
  readonly bind: () => GPUBindGroup;
  readonly grid: readonly [number, number, number];
  /** Bytes bound, read and written together: an upper bound of the traffic. */
  readonly bytes: number;
  readonly reads: readonly PooledBuffer[];
  /** Buffers that it may write, including those that it also reads. */
  readonly writes: readonly PooledBuffer[];
}
interface CopyCommand extends Omit<ClearCommand, "kind"> {
  readonly kind: "copy";
  readonly source: PooledBuffer;
  readonly sourceOffset: number;
}
interface ClearCommand {
  readonly kind: "clear";
  readonly target: PooledBuffer;
  readonly targetOffset: number;
  readonly bytes: number;
}
export type Command = DispatchCommand | CopyCommand | ClearCommand;

/** Per-dispatch timing hook (profile.ts); undefined without a profile. */
export interface PassTimer {
  /** @internal */
  begin(kernel: string): GPUComputePassTimestampWrites | undefined;
  /** @internal */
  flush(encoder: GPUCommandEncoder): void;
}

// Enough work per submit that its cost (about 0.1 ms) vanishes, little enough that the device starts early.
const COMMANDS_PER_SUBMIT = 96;

export class Stream {
  private readonly device: GPUDevice;
  private readonly watch: (scope: Promise<GPUError | null>) => void;
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private pipeline: GPUComputePipeline | null = null;
  private pending = 0;
  private recording: Command[] | null = null;
  /** Kernels of the open encoder, if a watchdog is active. */
  private kernels: string[] = [];
  timer: PassTimer | undefined;
  /** Called for each submit, with its kernels in order. */
  onSubmit: ((kernels: readonly string[]) => void) | undefined;
  readonly stats = { dispatches: 0, submits: 0, replays: 0 };

  /** `watch` is called with the errors of each submit. */
  constructor(device: GPUDevice, watch: (scope: Promise<GPUError | null>) => void) {
    this.device = device;
    this.watch = watch;
  }

  get isRecording(): boolean {
    return this.recording !== null;
  }

  /** Run a command in its turn, or keep it while a step is recorded. */
  enqueue(command: Command): void {
    if (this.recording) {
      this.recording.push(command);
      return;
    }
    this.encode(command);
    if (this.pending >= COMMANDS_PER_SUBMIT) this.flush();
  }

  private encode(command: Command): void {
    this.encoder ??= this.device.createCommandEncoder();
    if (command.kind === "dispatch") {
      if (this.timer) this.encodeTimed(command, this.timer);
      else {
        if (!this.pass) {
          this.pass = this.encoder.beginComputePass();
          this.pipeline = null;
        }
        this.encodeDispatch(this.pass, command);
      }
      this.stats.dispatches++;
      if (this.onSubmit) this.kernels.push(command.kernel);
    } else {
      this.endPass();
      if (command.kind === "clear") {
        const { target, targetOffset, bytes } = command;
        this.encoder.clearBuffer(target.buffer, target.start + targetOffset, bytes);
      } else {
        const { source, sourceOffset, target, targetOffset, bytes } = command;
        const [from, to] = [source.start + sourceOffset, target.start + targetOffset];
        this.encoder.copyBufferToBuffer(source.buffer, from, target.buffer, to, bytes);
      }
    }
    this.pending++;
  }

  private encodeDispatch(pass: GPUComputePassEncoder, command: DispatchCommand): void {
    if (this.pipeline !== command.pipeline) {
      pass.setPipeline(command.pipeline);
      this.pipeline = command.pipeline;
    }
    command.bindGroup ??= command.bind();
    pass.setBindGroup(0, command.bindGroup);
    pass.dispatchWorkgroups(command.grid[0], command.grid[1], command.grid[2]);
  }

  private encodeTimed(command: DispatchCommand, timer: PassTimer): void {
    this.endPass();
    const timestampWrites = timer.begin(command.kernel);
    const encoder = this.encoder!;
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
    this.pipeline = null;
    this.encodeDispatch(pass, command);
    pass.end();
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = null;
    this.pipeline = null;
  }

  /** Submit the pending work. */
  flush(): void {
    if (!this.encoder) return;
    this.endPass();
    this.timer?.flush(this.encoder);
    this.submit(this.encoder);
    this.encoder = null;
    this.pending = 0;
  }

  /**
   * Submit an encoder's work in its own error scope: the `uncapturederror` event may come after the queue's promise,
   * and a reading in between would return garbage without an error.
   */
  submit(encoder: GPUCommandEncoder): void {
    this.device.pushErrorScope("validation");
    this.device.queue.submit([encoder.finish()]);
    this.watch(this.device.popErrorScope());
    this.stats.submits++;
    this.onSubmit?.(this.kernels);
    this.kernels = [];
  }

  /** Write host bytes into a buffer, after everything enqueued so far. */
  write(target: PooledBuffer, offset: number, data: ArrayBufferView, persistent = false): void {
    if (!persistent) {
      this.expectNotRecording("uploading inside a captured step: a replay would not see new data. Pass it as an input");
    }
    this.flush();
    const { buffer, byteOffset, byteLength } = data;
    this.device.queue.writeBuffer(target.buffer, target.start + offset, buffer as ArrayBuffer, byteOffset, byteLength);
  }

  record(): void {
    this.expectNotRecording("captured steps do not nest");
    this.recording = [];
  }
  /** End the recording and return its commands. None of them has run. */
  takeRecording(): Command[] {
    if (!this.recording) throw new CaptureError("no recording to end");
    const commands = this.recording;
    this.recording = null;
    return commands;
  }

  /** Throw CaptureError while a step is recorded: for actions that a replay could not repeat. */
  expectNotRecording(what: string): void {
    if (this.recording) throw new CaptureError(what);
  }

  /** Encode a recorded list again and submit it. */
  replay(commands: readonly Command[]): void {
    this.expectNotRecording("captured steps do not nest");
    this.run(commands);
    this.stats.replays++;
  }

  /** Encode a list of commands and submit it. */
  run(commands: readonly Command[]): void {
    for (const command of commands) {
      this.encode(command);
      if (this.pending >= COMMANDS_PER_SUBMIT) this.flush();
    }
    this.flush();
  }
}
