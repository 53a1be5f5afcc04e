// Tests an adapter with one kernel of known result, measures its speed, and lists its features and limits.
import { describeAdapter } from "../node/ladder.ts";
import { mib } from "../text/index.ts";

export interface Probe {
  readonly name: string;
  /** Model, which of a software adapter says the width of its vectors. */
  readonly device: string;
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<ProbeLimit, number>>;
  /** Speed of f32 multiply-adds (two operations each) in 1e9 operations per second; a rough figure from a busy loop. */
  readonly gflops: number;
}

const LIMITS = [
  "maxStorageBuffersPerShaderStage",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
] as const;
type ProbeLimit = (typeof LIMITS)[number];

const THREADS = 65_536;
const OPERATIONS = 16; // operations per thread and round: two vec4 multiply-adds

/** Each thread repeats x <- x/2 + 1/4 from its start value. Halves and quarters are exact in f32, and so is x. */
const CODE = `
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> rounds: vec4u;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var a = vec4f(f32(id.x % 256u)) + vec4f(0.0, 1.0, 2.0, 3.0);
  var b = a + 4.0;
  for (var i = 0u; i < rounds.x; i++) { a = a * 0.5 + 0.25; b = b * 0.5 + 0.25; }
  y[id.x] = dot(a + b, vec4f(1.0));
}`;

/** Compute the expected result of a thread: the same loop on the CPU. */
export function expectedResult(thread: number, rounds: number): number {
  let sum = 0;
  for (let lane = 0; lane < 8; lane++) {
    let x = (thread % 256) + lane;
    for (let i = 0; i < rounds; i++) x = x * 0.5 + 0.25;
    sum += x;
  }
  return sum;
}

/**
 * Runs the kernel on the adapter that `navigator.gpu` gives. Needs `installGpu()` before.
 * Errors: an Error that says which step failed, or which number was wrong.
 */
export async function probeAdapter(): Promise<Probe> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("the adapter is gone");
  const device = await adapter.requestDevice();
  try {
    device.pushErrorScope("validation");
    const pass = await preparePass(device);
    checkResult(await pass.result(8), 8);
    const refused = await device.popErrorScope();
    if (refused) throw new Error(`the adapter refused the kernel: ${refused.message}`);
    return {
      ...describeAdapter(adapter.info),
      device: adapter.info.device,
      features: [...adapter.features].map(String).sort(),
      limits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])) as Probe["limits"],
      gflops: await measure(pass),
    };
  } finally {
    device.destroy();
  }
}

interface Pass {
  /** Runs the kernel and waits. Seconds. */
  time(rounds: number): Promise<number>;
  result(rounds: number): Promise<Float32Array>;
}

async function preparePass(device: GPUDevice): Promise<Pass> {
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: CODE }) },
  });
  const size = THREADS * 4;
  const y = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const uniform = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  const entries = [y, uniform].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const submit = (rounds: number, copy: boolean) => {
    device.queue.writeBuffer(uniform, 0, new Uint32Array([rounds, 0, 0, 0]));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(THREADS / 64);
    pass.end();
    if (copy) encoder.copyBufferToBuffer(y, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
  };
  return {
    async time(rounds) {
      const start = performance.now();
      submit(rounds, false);
      await device.queue.onSubmittedWorkDone();
      return (performance.now() - start) / 1000;
    },
    async result(rounds) {
      submit(rounds, true);
      await staging.mapAsync(GPUMapMode.READ);
      const values = new Float32Array(staging.getMappedRange().slice(0));
      staging.unmap();
      return values;
    },
  };
}

function checkResult(values: Float32Array, rounds: number): void {
  values.forEach((have, thread) => {
    const want = expectedResult(thread, rounds);
    // Every product and sum above is exact in f32; only the last eight-term sum may round.
    if (!(Math.abs(have - want) <= 1e-4 * Math.max(1, want)))
      throw new Error(`the adapter computes wrong results: thread ${thread}: expected ${want}, got ${have}`);
  });
}

/** Double the work until it takes 60 ms, which suits both a GPU and two CPU cores. */
async function measure(pass: Pass): Promise<number> {
  for (let rounds = 64; ; rounds *= 2) {
    const seconds = await pass.time(rounds);
    if (seconds > 0.06 || rounds >= 2 ** 20) return (THREADS * rounds * OPERATIONS) / seconds / 1e9;
  }
}

/** Format a probe as printed lines. */
export function probeLines(probe: Probe): string[] {
  const { limits } = probe;
  return [
    `adapter   ${probe.name}${probe.software ? " (software)" : ""}`,
    `features  ${probe.features.join(", ")}`,
    `limits    ${limits.maxStorageBuffersPerShaderStage} storage buffers per kernel, ${mib(limits.maxStorageBufferBindingSize, 0)} each, buffers to ${mib(limits.maxBufferSize, 0)}, ${limits.maxComputeInvocationsPerWorkgroup} invocations and ${limits.maxComputeWorkgroupStorageSize / 1024} KiB per workgroup`,
    `kernel    correct, ${probe.gflops.toPrecision(2)} GFLOP/s of f32 multiply-adds`,
  ];
}
