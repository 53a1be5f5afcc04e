import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { Readback } from "../../src/gpu/readback.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";

test("what exceeds one staging buffer is read through several, in one wait, and they are used again", async () => {
  using _scope = new Scope();
  const { device, stream } = currentGpu();
  let open = 0;
  let most = 0;
  const narrow = {
    limits: { maxBufferSize: 1026 },
    createBuffer: (made: GPUBufferDescriptor) => {
      expect(made.size).toBeLessThanOrEqual(1024);
      open++;
      return device.createBuffer(made);
    },
    createCommandEncoder: () => {
      most = Math.max(most, open);
      return device.createCommandEncoder();
    },
  } as unknown as GPUDevice;
  const readback = new Readback(narrow, stream, { check: async () => {} });
  const sizes = [100, 150, 7, 256, 1];
  const tensors = sizes.map((n, k) => tensor(Float32Array.from({ length: n }, (_, i) => 1000 * k + i)));
  for (let round = 0; round < 2; round++) {
    const got = await readback.read(tensors.map((t) => t.view));
    sizes.forEach((n, k) => {
      expect([...new Float32Array(got[k]!)]).toEqual(Array.from({ length: n }, (_, i) => 1000 * k + i));
    });
    // 400 + 600 bytes, 28, 1024 and 4.
    expect(readback.created).toBe(4);
  }
  expect(most).toBe(4);
  readback.destroy();
});
