// kernel(name, wgsl): a shader with its variants. run() binds tensors by the names in the shader's header, looks up the
// pipeline and enqueues one dispatch.

import { debugLevel, debugLog } from "./debug.ts";
import { currentGpu, type Gpu } from "./device.ts";
import { KernelError } from "./errors.ts";
import { fitExtensions } from "./features.ts";
import { type Coverage, coverageOf, type Grid, resolveGrid } from "./grid.ts";
import type { BufferView, PooledBuffer } from "./pooled_buffer.ts";
import type { UniformSlot } from "./uniforms.ts";
import { applySpec, type Header, readHeader, type Spec } from "./wgsl.ts";
import { constantsOf } from "./wgsl_constants.ts";

/** Anything that a kernel can bind, such as a tensor. */
export interface Bindable {
  readonly view: BufferView;
}

/** Operands and size of one run of a kernel. */
export interface Dispatch {
  /** Tensors by the names of the shader's storage bindings. */
  readonly bind: Readonly<Record<string, Bindable>>;
  /** Numbers by the names of the fields of the shader's `Params`. */
  readonly params?: Readonly<Record<string, number | readonly number[]>>;
  /** Values of the shader's `//!spec` constants; each combination is compiled once. */
  readonly spec?: Spec;
  /** Workgroups, or the number of invocations: see `grid1d`. */
  readonly grid: Grid;
}

interface Variant {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly header: Header;
  readonly coverage: Coverage;
  readonly bindGroups: Map<string, GPUBindGroup>;
}

// All bind groups are dropped at once: rare, and rebuilding one takes microseconds.
const MAX_BIND_GROUPS = 4096;

/** A WGSL compute shader. Made by `kernel`. */
export class Kernel {
  /** Name in error messages and profiles. */
  readonly name: string;
  /** Source text, before `//!spec` values are set. */
  readonly wgsl: string;
  private readonly variants = new WeakMap<Gpu, Map<string, Variant>>();

  /** @internal */
  constructor(name: string, wgsl: string) {
    this.name = name;
    this.wgsl = wgsl;
  }

  /** Enqueue one dispatch on the current device. Throws KernelError for a wrong binding, parameter or spec name. */
  run({ bind, params = {}, spec = {}, grid }: Dispatch): void {
    const gpu = currentGpu();
    gpu.raisePending();
    const variant = this.variant(gpu, spec);
    const views: BufferView[] = [];
    const reads: PooledBuffer[] = [];
    const writes: PooledBuffer[] = [];
    let bytes = 0;
    let slot: UniformSlot | undefined;
    for (const { name, kind } of variant.header.bindings) {
      if (kind === "uniform") {
        slot = gpu.uniforms.slot(variant.header.params.pack(params));
        continue;
      }
      const bound = bind[name];
      if (!bound) {
        const problem = `binding ${name}: expected a tensor, got none; bound: ${Object.keys(bind).join(", ")}`;
        throw new KernelError(this.name, problem);
      }
      const view = bound.view;
      views.push(view);
      (kind === "storage" ? writes : reads).push(view.buffer);
      bytes += view.bytes;
    }
    if (!slot && Object.keys(params).length > 0)
      throw new KernelError(this.name, `expected no params, got ${Object.keys(params).join(", ")}`);
    if (views.length !== Object.keys(bind).length) {
      const known = new Set(variant.header.bindings.map((b) => b.name));
      const extra = Object.keys(bind).filter((name) => !known.has(name));
      throw new KernelError(this.name, `binding: expected one of ${[...known].join(", ")}, got ${extra.join(", ")}`);
    }
    gpu.stream.enqueue({
      kind: "dispatch",
      kernel: this.name,
      pipeline: variant.pipeline,
      bindGroup: null,
      bind: () => this.bindGroup(gpu, variant, views, slot),
      grid: resolveGrid(this.name, grid, variant.coverage),
      bytes,
      reads,
      writes,
    });
  }

  /** Return an integer constant of the shader, for example its tile size. Throws KernelError if there is none. */
  constant(name: string): number {
    const value = constantsOf(this.wgsl).get(name);
    if (typeof value !== "number")
      throw new KernelError(this.name, `expected an integer constant ${name}, got ${value}`);
    return value;
  }

  /** Return the final WGSL of a variant, which the device compiles. */
  source(spec: Spec = {}): string {
    return applySpec(this.name, this.wgsl, spec);
  }

  private variant(gpu: Gpu, spec: Spec): Variant {
    let known = this.variants.get(gpu);
    if (!known) {
      known = new Map();
      this.variants.set(gpu, known);
    }
    let key = "";
    for (const name of Object.keys(spec).sort()) key += `${name}=${spec[name]};`;
    let variant = known.get(key);
    if (!variant) {
      variant = this.compile(gpu, spec, key);
      known.set(key, variant);
    }
    return variant;
  }

  private compile(gpu: Gpu, spec: Spec, key: string): Variant {
    const { device } = gpu;
    const code = fitExtensions(this.name, this.source(spec), device.features);
    const header = readHeader(this.name, code);
    const label = key ? `${this.name} ${key}` : this.name;
    const coverage = coverageOf(code, header);
    if (debugLevel() >= 1) debugLog(`pipeline ${label}`);
    if (debugLevel() >= 4) debugLog(code);
    return gpu.make(label, () => {
      const module = device.createShaderModule({ label, code });
      const entries = header.bindings.map((b) => ({
        binding: b.index,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: b.kind },
      }));
      const layout = device.createBindGroupLayout({ label, entries });
      const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] });
      const pipeline = device.createComputePipeline({ label, layout: pipelineLayout, compute: { module } });
      gpu.stats.pipelines++;
      return { pipeline, layout, header, coverage, bindGroups: new Map() };
    });
  }

  private bindGroup(gpu: Gpu, variant: Variant, views: BufferView[], slot: UniformSlot | undefined): GPUBindGroup {
    let key = slot ? `u${slot.id};` : "";
    for (const { buffer, offset, bytes } of views) key += `${buffer.id}@${buffer.start + offset}+${bytes};`;
    let bindGroup = variant.bindGroups.get(key);
    if (!bindGroup) {
      bindGroup = this.makeBindGroup(gpu, variant, views, slot);
      if (variant.bindGroups.size >= MAX_BIND_GROUPS) variant.bindGroups.clear();
      variant.bindGroups.set(key, bindGroup);
    }
    return bindGroup;
  }

  private makeBindGroup(gpu: Gpu, variant: Variant, views: BufferView[], slot: UniformSlot | undefined): GPUBindGroup {
    let next = 0;
    const entries = variant.header.bindings.map((b): GPUBindGroupEntry => {
      if (b.kind === "uniform" && slot)
        return { binding: b.index, resource: { buffer: slot.buffer, offset: slot.offset, size: slot.bytes } };
      const view = views[next++]!;
      const size = Math.ceil(view.bytes / 4) * 4;
      const { buffer, start } = view.buffer;
      return { binding: b.index, resource: { buffer, offset: start + view.offset, size } };
    });
    gpu.stats.bindGroups++;
    const descriptor = { label: this.name, layout: variant.layout, entries };
    return gpu.make(this.name, () => gpu.device.createBindGroup(descriptor));
  }
}

/**
 * Make a kernel of a WGSL compute shader with the entry point `main`. `name` is for error messages and profiles.
 *
 * Bindings  storage arrays by their names, and one uniform `params` of a struct of 32-bit scalars and vectors.
 * Spec      a line `const X: bool = true; //!spec` declares a constant that each run may set.
 * Include   a line `//!include "lib/index.wgsl"` is for `pasteIncludes` of espalier/wgsl. KernelError if one is left.
 * Errors    `run` throws KernelError for a wrong name of a binding, a parameter or a constant, and for WGSL that does not
 *           compile.
 * @example
 * ```ts
 * const scale = kernel(
 *   "scale",
 *   `
 *   struct Params { n: u32, factor: f32 }
 *   @group(0) @binding(0) var<storage, read> x: array<f32>;
 *   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
 *   @group(0) @binding(2) var<uniform> params: Params;
 *   @compute @workgroup_size(256)
 *   fn main(@builtin(global_invocation_id) id: vec3<u32>) {
 *     if (id.x < params.n) { y[id.x] = params.factor * x[id.x]; }
 *   }`,
 * );
 * const x = tensor([1, 2, 3]);
 * const y = emptyLike(x);
 * scale.run({ bind: { x, y }, params: { n: 3, factor: 10 }, grid: [1] });
 * console.log(await y.data()); // 10, 20, 30
 * ```
 */
export function kernel(name: string, wgsl: string): Kernel {
  const include = /^\s*(\/\/!include.*)/m.exec(wgsl);
  if (include)
    throw new KernelError(name, `${include[1]}: expected the text of the file: apply pasteIncludes of espalier/wgsl`);
  return new Kernel(name, wgsl);
}
