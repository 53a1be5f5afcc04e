import { afterEach, expect, test } from "vitest";
import { fill } from "../../src/autograd/index.ts";
import { currentGpu, type Gpu, GpuLostError, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { empty, readAll, Scope, scalar, tensor } from "../../src/tensor/index.ts";

let before: Gpu | null = null;
async function another(options = {}): Promise<Gpu> {
  before = currentGpu();
  return requestGpu(options);
}
afterEach(() => {
  if (before) setCurrentGpu(before);
  before = null;
});

test("the adapter report says what it runs on", () => {
  const { adapter, device } = currentGpu();
  expect(`${adapter.vendor}${adapter.architecture}${adapter.device}${adapter.description}`).not.toBe("");
  expect(typeof adapter.software).toBe("boolean");
  expect(adapter.features).toEqual([...adapter.features].sort());
  expect(new Set(adapter.features)).toEqual(new Set([...device.features].map(String)));
  const { limits } = adapter;
  expect(limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8);
  expect(limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256);
  expect(limits.maxStorageBufferBindingSize).toBe(device.limits.maxStorageBufferBindingSize);
  const { subgroupSize } = adapter;
  expect(subgroupSize === 0 || Number.isInteger(Math.log2(subgroupSize))).toBe(true);
  if (subgroupSize > 0) expect(adapter.features).toContain("subgroups");
});

test("default limits give the weakest device, and ops run on it", async () => {
  const gpu = await another({ defaultLimits: true });
  expect(gpu.adapter.limits).toEqual({
    maxBufferSize: 268435456,
    maxStorageBufferBindingSize: 134217728,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupSizeY: 256,
    maxComputeWorkgroupSizeZ: 64,
    maxComputeWorkgroupStorageSize: 16384,
  });
  expect(gpu.adapter.subgroupSize).toBe(0);
  expect(gpu.adapter.features).not.toContain("timestamp-query");
  await expect(gpu.profile()).rejects.toThrow("profile: this adapter has no timestamp-query");
  const y = empty([5]);
  fill(y, 3);
  expect([...(await y.data())]).toEqual([3, 3, 3, 3, 3]);
  gpu.destroy();
});

test("after the device is lost, readings reject and kernels refuse, with the reason", async () => {
  const gpu = await another();
  const y = tensor([1, 2, 3]);
  expect([...(await y.data())]).toEqual([1, 2, 3]);
  gpu.device.destroy();
  await expect(y.data()).rejects.toBeInstanceOf(GpuLostError);
  await gpu.device.lost;
  await expect(y.data()).rejects.toThrow(/the GPU device was lost \(destroyed\)/);
  await expect(readAll(y)).rejects.toBeInstanceOf(GpuLostError);
  await expect(gpu.wait()).rejects.toBeInstanceOf(GpuLostError);
  expect(() => fill(y, 1)).toThrow(GpuLostError);
});

test("destroy() ends the current device", async () => {
  const gpu = await another();
  gpu.destroy();
  expect(() => currentGpu()).toThrow("no GPU device: call `await requestGpu()` first");
});

test("reports a missing adapter and missing WebGPU", async () => {
  const real = Object.getOwnPropertyDescriptor(globalThis, "navigator")!;
  const pretend = (value: unknown) => Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  try {
    pretend({});
    await expect(requestGpu()).rejects.toThrow("this host has no WebGPU (navigator.gpu is missing)");
    pretend({ gpu: { requestAdapter: async () => null } });
    await expect(requestGpu()).rejects.toThrow("no WebGPU adapter was found");
  } finally {
    Object.defineProperty(globalThis, "navigator", real);
  }
});

test("a reading waits for everything enqueued before it; several at once do not mix", async () => {
  using _scope = new Scope();
  const tensors = Array.from({ length: 9 }, (_, i) => {
    const t = empty([i + 1]);
    for (let k = 0; k <= 40; k++) fill(t, 100 * i + k);
    return t;
  });
  const values = await Promise.all(tensors.map((t) => t.data()));
  values.forEach((v, i) => {
    expect([...v]).toEqual(new Array(i + 1).fill(100 * i + 40));
  });
});

test("staging buffers are a ring: the second reading makes none", async () => {
  using _scope = new Scope();
  const t = tensor(new Float32Array(3000));
  await t.data();
  const { staging } = currentGpu().counters();
  for (let i = 0; i < 5; i++) await t.data();
  expect(currentGpu().counters().staging).toBe(staging);
});

test("equal parameters share a uniform slot", async () => {
  using _scope = new Scope();
  using s = scalar(0);
  fill(s, 0.123);
  const { uniforms } = currentGpu().counters();
  for (let i = 0; i < 5; i++) fill(s, 0.123);
  expect(currentGpu().counters().uniforms).toBe(uniforms);
  for (let i = 0; i < 300; i++) fill(s, i + 0.5);
  expect(currentGpu().counters().uniforms).toBe(uniforms + 300);
  expect(await s.item()).toBe(299.5);
});
