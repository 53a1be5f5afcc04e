// The device: requests every useful feature and limit of the adapter, and owns what the other parts of the engine share.

import { expectKeys, type KeysOf } from "../text/index.ts";
import { type AdapterReport, adapterReport, LIMITS } from "./adapter_report.ts";
import { BufferPool } from "./buffer_pool.ts";
import { prepareChecks } from "./debug.ts";
import { loadDeviceParts } from "./device_parts.ts";
import { GpuHangError, GpuLostError, KernelError, MemoryError, OpError } from "./errors.ts";
import { FEATURES } from "./features.ts";
import { bufferMaker } from "./make_buffer.ts";
import type { Profile } from "./profile.ts";
import { Readback } from "./readback.ts";
import { Stream } from "./stream.ts";
import type { TuneStore } from "./tune_trial.ts";
import { type TuneMode, Tuner, type TunerOptions, tuningDefaults } from "./tuner.ts";
import { UniformCache } from "./uniforms.ts";
import type { Watchdog, WatchdogLimit, WatchdogOptions } from "./watchdog.ts";

/** Options of `requestGpu`. */
export interface GpuOptions {
  readonly powerPreference?: GPUPowerPreference;
  /** Request WebGPU's default limits and no optional feature, as the weakest conforming adapter would give. */
  readonly defaultLimits?: boolean;
  /** Choice of kernels by measurement (tuner.ts). Default: as `configureTuning` says, else "auto": on hardware only. */
  readonly tune?: TuneMode;
  /** Storage of winners. Default: as `configureTuning` says; null keeps them as long as the device. */
  readonly tuneStore?: TuneStore | null;
  /** Milliseconds for all trials together. Default 60,000. */
  readonly tuneBudgetMs?: number;
  /**
   * Seconds without progress after which pending work counts as hanging (GpuHangError). "auto": 120 on hardware; on a CPU,
   * adapted to the duration of its work. Default: never.
   */
  readonly watchdog?: WatchdogLimit | undefined;
}

const OPTION_KEYS: KeysOf<GpuOptions> = {
  powerPreference: true,
  defaultLimits: true,
  tune: true,
  tuneStore: true,
  tuneBudgetMs: true,
  watchdog: true,
};

/** Makes the watchdog of a device. */
type MakeWatchdog = (about: Omit<WatchdogOptions, "limit">) => Watchdog;

/** A WebGPU device with the engine's memory, command stream and kernels. Made by `requestGpu`. */
export class Gpu {
  /** The WebGPU device. */
  readonly device: GPUDevice;
  /** Name, limits and features of the adapter. */
  readonly adapter: AdapterReport;
  /** Memory in use and kept for reuse. */
  readonly pool: BufferPool;
  /** @internal Commands in order. */
  readonly stream: Stream;
  /** @internal Values on their way to the host. */
  readonly readback: Readback;
  /** @internal Numbers of kernels. */
  readonly uniforms: UniformCache;
  /** Choice of kernels by measurement. */
  readonly tuner: Tuner;
  /** @internal */
  readonly watchdog: Watchdog | null;
  /** @internal Objects created since the start. Constant while a captured step is replayed. */
  readonly stats = { pipelines: 0, bindGroups: 0 };
  private failure: Error | null = null;
  private cause: Error | null = null;
  private readonly scopes = new Set<Promise<void>>();
  /** Ends each wait in progress if the device will not. */
  private readonly waits = new Set<(error: Error) => void>();

  /** @internal */
  constructor(adapter: AdapterReport, device: GPUDevice, tuning: TunerOptions = {}, makeWatchdog?: MakeWatchdog) {
    this.device = device;
    this.adapter = adapter;
    const makeBuffer = bufferMaker(device, {
      memory: () => this.pool.stats,
      watch: (scope, onError) => this.watch(scope, onError),
      fail: (error) => this.ranOutOfMemory(error),
    });
    this.stream = new Stream(device, (scope) =>
      this.watch(scope, (error) => this.fail(new KernelError("(device)", error.message))),
    );
    // Pending commands may still bind what `trim` destroys.
    this.pool = new BufferPool(device, () => this.stream.flush(), makeBuffer);
    this.uniforms = new UniformCache(device, makeBuffer);
    this.readback = new Readback(device, this.stream, {
      check: () => this.settle(),
      makeBuffer,
      guard: (work) => this.guard(work),
    });
    this.tuner = new Tuner(this, tuning);
    this.watchdog = makeWatchdog ? this.startWatchdog(makeWatchdog) : null;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      // An out-of-memory error is the cause of any other refusal.
      if (error instanceof GPUOutOfMemoryError) this.ranOutOfMemory(this.unexplained(error.message));
      else this.fail(new KernelError("(device)", error.message));
    });
    void device.lost.then(({ reason, message }) => {
      this.abandon(new GpuLostError(`the GPU device was lost (${reason}): ${message}`, true));
    });
  }

  private startWatchdog(make: MakeWatchdog): Watchdog {
    const { software } = this.adapter;
    const workDone = () => this.device.queue.onSubmittedWorkDone();
    const watchdog = make({ software, workDone, onHang: (error) => this.abandon(error) });
    this.stream.onSubmit = (kernels) => watchdog.submitted(kernels);
    return watchdog;
  }

  /** Record an out-of-memory error: it is the cause of any other refusal. The first one counts. */
  private ranOutOfMemory(error: MemoryError): void {
    if (!(this.cause instanceof MemoryError)) this.cause = error;
  }
  /** Return an out-of-memory error that names no buffer. */
  private unexplained(words: string): MemoryError {
    const { live, pooled } = this.pool.stats;
    return new MemoryError(`out of GPU memory: ${words}`, { asked: 0, what: "", live, pooled });
  }

  /** Fail for good: end every wait with this error. */
  private abandon(error: Error): void {
    this.fail(error);
    this.watchdog?.stop();
    for (const end of [...this.waits]) end(error);
  }

  /** Wait for an answer of the device, until the device is lost or hangs. `work`: the answer follows all work submitted so far. */
  private guard<T>(answer: Promise<T>, work: "after work" | "at once" = "after work"): Promise<T> {
    const over = work === "after work" ? this.watchdog?.waiting() : undefined;
    return new Promise<T>((resolve, reject) => {
      this.waits.add(reject);
      answer.then(resolve, reject).finally(() => {
        this.waits.delete(reject);
        over?.();
      });
    });
  }

  /** @internal Keep the first error. It is raised at the next dispatch or wait. */
  fail(error: Error): void {
    this.failure ??= error;
  }
  /** @internal True if submitted work was abandoned; the driver may still be busy with it. */
  get hangs(): boolean {
    return this.failure instanceof GpuHangError;
  }
  /** @internal Throw the first pending error, if there is one. */
  raisePending(): void {
    const error = this.cause ?? this.failure;
    if (error) throw error;
  }

  /** Collect the error of a scope, at the latest at the next wait or read. */
  private watch(scope: Promise<GPUError | null>, onError: (error: GPUError) => void): void {
    const heard = scope
      .then((error) => {
        if (error) onError(error);
      })
      .catch(() => {}) // the device is gone, and `device.lost` reports it
      .finally(() => this.scopes.delete(heard));
    this.scopes.add(heard);
  }

  /**
   * Make objects for a kernel. An error here is the cause of later errors (a pipeline that did not compile spoils the whole
   * submit), so it is raised instead of them, whichever arrives first.
   * @internal
   */
  make<T>(kernel: string, create: () => T): T {
    this.device.pushErrorScope("validation");
    try {
      return create();
    } finally {
      this.watch(this.device.popErrorScope(), (error) => {
        this.cause ??= new KernelError(kernel, error.message);
      });
    }
  }

  /** @internal Wait for open error scopes and throw pending errors. */
  async settle(): Promise<void> {
    await this.guard(Promise.all(this.scopes), "at once"); // the scopes open now: later ones concern later work
    this.raisePending();
  }

  /** Wait until everything enqueued has run. Throws pending errors; they stay, since no later result can be trusted. */
  async wait(): Promise<void> {
    this.stream.flush();
    await this.guard(this.device.queue.onSubmittedWorkDone());
    await this.settle();
  }

  /** Return the counts of everything that a replayed step must not create. */
  counters(): {
    buffers: number;
    staging: number;
    pipelines: number;
    bindGroups: number;
    uniforms: number;
    live: number;
  } {
    return {
      buffers: this.pool.stats.created,
      staging: this.readback.created,
      pipelines: this.stats.pipelines,
      bindGroups: this.stats.bindGroups,
      uniforms: this.uniforms.size,
      live: this.pool.stats.live,
    };
  }

  /** Return the memory in use, kept for reuse, and at its peak, in bytes. */
  memory(): Readonly<BufferPool["stats"]> {
    return { ...this.pool.stats };
  }

  /** Time each kernel until `stop()` of the result. Throws EspalierError if the adapter has no `timestamp-query`. */
  async profile(): Promise<Profile> {
    const { Profile } = await import("./profile.ts");
    return new Profile(this.device, this.stream);
  }

  /** Free everything. The device cannot be used afterwards. */
  destroy(): void {
    this.watchdog?.stop();
    this.stream.onSubmit = undefined;
    this.readback.destroy();
    this.pool.trim();
    this.device.destroy();
    if (current === this) current = null;
  }
}

let current: Gpu | null = null;

/** Return the device in use. Throws GpuLostError if none was requested. */
export function currentGpu(): Gpu {
  if (!current) throw new GpuLostError("no GPU device: call `await requestGpu()` first");
  return current;
}
/** Make a device the one that tensors and ops use; null: none. `requestGpu` does this itself. */
export function setCurrentGpu(gpu: Gpu | null): void {
  current = gpu;
}

/** Request a device. Throws GpuLostError with the reason and the requested features and limits. */
async function requestDevice(adapter: GPUAdapter, wanted: GPUDeviceDescriptor): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice(wanted);
  } catch (cause) {
    const { description, device, architecture, vendor } = adapter.info;
    const name = description || device || architecture || vendor || "the adapter";
    const features = [...(wanted.requiredFeatures ?? [])].join(", ") || "no feature";
    const { maxBufferSize, maxStorageBufferBindingSize } = wanted.requiredLimits ?? {};
    const limits =
      maxBufferSize === undefined
        ? "WebGPU's default limits"
        : `all limits that it offers, such as buffers of ${maxBufferSize} and bindings of ${maxStorageBufferBindingSize} bytes`;
    const words = String((cause as Error)?.message ?? cause)
      .trim()
      .replaceAll(/\s*\n\s*/g, "; ");
    const problem = `${name} gave no device: ${words} (requested ${features} and ${limits}). Another program may hold the GPU, or its driver may be too old`;
    throw new GpuLostError(problem);
  }
}

/** Load the watchdog, which most pages do without. */
async function watchdogMaker(limit: WatchdogLimit): Promise<MakeWatchdog> {
  const { Watchdog } = await import("./watchdog.ts");
  return (about) => new Watchdog({ ...about, limit });
}

/** Return what to do in a host without WebGPU. */
const gpuAdvice = (): string =>
  "process" in globalThis || "Deno" in globalThis
    ? "in Node, Deno and Bun, call installGpu() of the package @espalier/node first"
    : "expected a browser with WebGPU, and a page from https or localhost";

/**
 * Request an adapter and a device with every useful limit and feature, and make it the current one.
 * Throws GpuLostError if there is no WebGPU, no adapter, or no device. In Node, call `installGpu()` of @espalier/node first.
 *
 * @example
 * const gpu = await requestGpu();
 * console.log(gpu.adapter.description, gpu.adapter.software);
 * gpu.destroy();
 */
export async function requestGpu(options: GpuOptions = {}): Promise<Gpu> {
  expectKeys(options, OPTION_KEYS, (problem) => new OpError("requestGpu", problem));
  const webgpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!webgpu) throw new GpuLostError(`this host has no WebGPU (navigator.gpu is missing): ${gpuAdvice()}`);
  const adapter = await webgpu.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
  if (!adapter) throw new GpuLostError("no WebGPU adapter was found");
  const requiredFeatures = options.defaultLimits ? [] : FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits: Record<string, number> = {};
  if (!options.defaultLimits) for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
  const device = await requestDevice(adapter, {
    requiredFeatures: requiredFeatures as GPUFeatureName[],
    requiredLimits,
  });
  const { mode, store } = tuningDefaults();
  const gpu = new Gpu(
    await adapterReport(adapter, device),
    device,
    {
      mode: options.tune ?? mode,
      store: options.tuneStore === undefined ? store : options.tuneStore,
      ...(options.tuneBudgetMs === undefined ? {} : { budgetMs: options.tuneBudgetMs }),
    },
    options.watchdog === undefined ? undefined : await watchdogMaker(options.watchdog),
  );
  await prepareChecks();
  await loadDeviceParts(gpu.adapter);
  await gpu.tuner.load();
  current = gpu;
  return gpu;
}
