// Counts the WebGPU calls of a step by wrapping the prototypes that all engines in a process share.

/** Calls since the last reset. */
export interface Calls {
  dispatches: number;
  submits: number;
  passes: number;
  /** Objects created: buffers, bind groups, pipelines, shader modules. Encoders are needed for each submit and do not count. */
  buffers: number;
  bindGroups: number;
  pipelines: number;
  shaderModules: number;
  /** `writeBuffer` calls. */
  writes: number;
}

const none = (): Calls => ({
  dispatches: 0,
  submits: 0,
  passes: 0,
  buffers: 0,
  bindGroups: 0,
  pipelines: 0,
  shaderModules: 0,
  writes: 0,
});

const METHODS: readonly (readonly [owner: string, method: string, key: keyof Calls])[] = [
  ["GPUComputePassEncoder", "dispatchWorkgroups", "dispatches"],
  ["GPUComputePassEncoder", "dispatchWorkgroupsIndirect", "dispatches"],
  ["GPUCommandEncoder", "beginComputePass", "passes"],
  ["GPUQueue", "submit", "submits"],
  ["GPUQueue", "writeBuffer", "writes"],
  ["GPUDevice", "createBuffer", "buffers"],
  ["GPUDevice", "createBindGroup", "bindGroups"],
  ["GPUDevice", "createComputePipeline", "pipelines"],
  ["GPUDevice", "createComputePipelineAsync", "pipelines"],
  ["GPUDevice", "createShaderModule", "shaderModules"],
];

type Method = (...values: unknown[]) => unknown;

/** Count the objects made, without the encoders. */
export const objectsMade = (calls: Calls): number =>
  calls.buffers + calls.bindGroups + calls.pipelines + calls.shaderModules;

export class CallCounter implements Disposable {
  private calls = none();
  private readonly undo: (() => void)[] = [];

  /** Start to count. WebGPU's classes must be global, as in a page or after `installGpu`. */
  constructor() {
    const classes = globalThis as unknown as Record<string, { prototype?: Record<string, Method> } | undefined>;
    for (const [owner, method, key] of METHODS) {
      const prototype = classes[owner]?.prototype;
      const original = prototype?.[method];
      if (!prototype || !original) throw new Error(`${owner}.${method} is not there: is WebGPU installed?`);
      const counter = this;
      prototype[method] = function (this: unknown, ...values: unknown[]) {
        counter.calls[key]++;
        return original.apply(this, values);
      };
      this.undo.push(() => {
        prototype[method] = original;
      });
    }
  }

  /** Return the calls since the start or the last `take`. */
  take(): Calls {
    const { calls } = this;
    this.calls = none();
    return calls;
  }

  /** Restore the original methods. */
  [Symbol.dispose](): void {
    for (const back of this.undo.splice(0)) back();
  }
}
