// Measures the peak of an adapter: multiply-adds in registers, and a plain copy. They bound the time of any candidate.

/** Speeds of an adapter, per millisecond. */
export interface Peak {
  readonly multiplyAdds: number;
  readonly bytes: number;
}

const STEPS = 512;
/** Multiply-adds of an invocation: sixteen independent sums, four times a turn. */
const PER_INVOCATION = 16 * 4 * STEPS;
const LANES = 256;
const names = ["s0", "s1", "s2", "s3"];

// Sums with names stay in registers by every compiler.
const ARITHMETIC = `
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let a = x[0];
  let b = x[1];
  ${names.map((s, i) => `var ${s} = vec4<f32>(f32(id.x) + ${i}.0);`).join("\n  ")}
  for (var i = 0u; i < ${STEPS}u; i++) {
    ${names.map((s) => `${s} = fma(${s}, a, b);`.repeat(4)).join("\n    ")}
  }
  y[id.x] = s0 + s1 + s2 + s3;
}`;

const COPY = `
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * ${4 * LANES}u + lane;
  let v = array<vec4<f32>, 4>(x[i], x[i + ${LANES}u], x[i + ${2 * LANES}u], x[i + ${3 * LANES}u]);
  y[i] = v[0];
  y[i + ${LANES}u] = v[1];
  y[i + ${2 * LANES}u] = v[2];
  y[i + ${3 * LANES}u] = v[3];
}`;

/** Bytes of each copied buffer: more than a cache holds. */
const COPY_BYTES = 2 ** 27;
/** Milliseconds after which a measurement by the host's clock is exact enough. */
const LONG_ENOUGH = 10;
const MOST_GROUPS = 16384;

/** Makes a dispatch of `groups` workgroups on two buffers of `bytes`. */
function program(device: GPUDevice, code: string, bytes: number) {
  const module = device.createShaderModule({ label: "tune_peak", code });
  const pipeline = device.createComputePipeline({ label: "tune_peak", layout: "auto", compute: { module } });
  const buffers = [0, 1].map(() => device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE }));
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return {
    /** Return the milliseconds of `times` dispatches. */
    async time(groups: number, times: number): Promise<number> {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(groups);
      pass.end();
      const started = performance.now();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      return performance.now() - started;
    },
    destroy: () => {
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

/** Return the most work per millisecond: dispatches grow until one measurement is long enough. */
async function fastest(run: (size: number) => Promise<number>, first: number, most: number): Promise<number> {
  let best = 0;
  for (let size = first; size <= most; size *= 4) {
    await run(size);
    const ms = Math.min(await run(size), await run(size));
    best = Math.max(best, size / Math.max(ms, 1e-3));
    if (ms >= LONG_ENOUGH) break;
  }
  return best;
}

async function measure(device: GPUDevice): Promise<Peak> {
  const arithmetic = program(device, ARITHMETIC, MOST_GROUPS * LANES * 16);
  const perMs = await fastest((groups) => arithmetic.time(groups, 1), 256, MOST_GROUPS);
  arithmetic.destroy();
  const bytes = Math.min(COPY_BYTES, device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const groups = Math.floor(bytes / (16 * 4 * LANES));
  const copy = program(device, COPY, groups * 16 * 4 * LANES);
  const copies = await fastest((times) => copy.time(groups, times), 1, 64);
  copy.destroy();
  return { multiplyAdds: perMs * LANES * PER_INVOCATION, bytes: copies * 2 * groups * 16 * 4 * LANES };
}

/** Measure the peak of a device; null if it refuses the memory or a kernel. Waits for the GPU. */
export async function measurePeak(device: GPUDevice): Promise<Peak | null> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  const peak = await measure(device);
  const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  return errors.some((error) => error) || !(peak.multiplyAdds > 0 && peak.bytes > 0) ? null : peak;
}

/** Return a peak as the text that a store keeps. */
export const peakText = ({ multiplyAdds, bytes }: Peak): string => `${Math.round(multiplyAdds)} ${Math.round(bytes)}`;

/** Read the text of a store; null if it is none. */
export function readPeak(text: string | undefined): Peak | null {
  const [multiplyAdds = 0, bytes = 0] = (text ?? "").split(" ").map(Number);
  return multiplyAdds > 0 && bytes > 0 ? { multiplyAdds, bytes } : null;
}
