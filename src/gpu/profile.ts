// Time per kernel from timestamp queries: each dispatch gets its own pass while a profile runs.
import { EspalierError } from "../text/index.ts";
import type { PassTimer, Stream } from "./stream.ts";

/** Time of all runs of a kernel during a profile. */
export interface KernelTime {
  /** Name of the kernel. */
  readonly kernel: string;
  /** Number of its dispatches. */
  readonly calls: number;
  /** Sum over the calls, in milliseconds. */
  readonly ms: number;
}

const QUERIES = 4096; // two per dispatch: the most one set may hold

/** Record from construction until `stop()`. Needs the feature `timestamp-query`. */
export class Profile implements PassTimer {
  private readonly device: GPUDevice;
  private readonly stream: Stream;
  private readonly set: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private names: string[] = [];
  private readonly batches: { names: string[]; staging: GPUBuffer }[] = [];
  /** Dispatches that were not timed because the query set was full between two submits. */
  untimed = 0;

  /** @internal */
  constructor(device: GPUDevice, stream: Stream) {
    if (!device.features.has("timestamp-query"))
      throw new EspalierError("profile: this adapter has no timestamp-query");
    if (stream.timer) throw new EspalierError("profile: another profile is running; stop it first");
    this.device = device;
    this.stream = stream;
    this.set = device.createQuerySet({ type: "timestamp", count: QUERIES });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    this.resolved = device.createBuffer({ size: QUERIES * 8, usage });
    stream.flush();
    stream.timer = this;
  }

  /** @internal */
  begin(kernel: string): GPUComputePassTimestampWrites | undefined {
    const at = this.names.length * 2;
    if (at >= QUERIES) {
      this.untimed++;
      return undefined;
    }
    this.names.push(kernel);
    return { querySet: this.set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** @internal */
  flush(encoder: GPUCommandEncoder): void {
    if (this.names.length === 0) return;
    const bytes = this.names.length * 16;
    const staging = this.device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.resolveQuerySet(this.set, 0, this.names.length * 2, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, staging, 0, bytes);
    this.batches.push({ names: this.names, staging });
    this.names = [];
  }

  /** End the profile and return its numbers: kernels by total time, longest first. */
  async stop(): Promise<KernelTime[]> {
    this.stream.flush();
    this.stream.timer = undefined;
    const table = new Map<string, { calls: number; ms: number }>();
    for (const { names, staging } of this.batches) {
      await staging.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(staging.getMappedRange());
      names.forEach((name, i) => {
        const row = table.get(name) ?? { calls: 0, ms: 0 };
        row.calls++;
        const ns = Number(times[2 * i + 1]! - times[2 * i]!);
        row.ms += Math.max(0, ns) / 1e6; // an adapter may reset its clock between the two
        table.set(name, row);
      });
      staging.unmap();
      staging.destroy();
    }
    this.set.destroy();
    this.resolved.destroy();
    return [...table].map(([name, row]) => ({ kernel: name, ...row })).sort((a, b) => b.ms - a.ms);
  }
}
