import { afterEach, expect, test } from "vitest";
import { configureDebug, fill } from "../../src/autograd/index.ts";
import { currentGpu, type Gpu, grid1d, KernelError, kernel, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { empty, Scope, tensor } from "../../src/tensor/index.ts";

const scaleKernel = kernel(
  "test_scale",
  `const TWICE: bool = false; //!spec
struct Params { n: u32, shift: i32, factor: f32, bias: vec3<f32>, last: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.n) { return; }
  let i = u32(i32(id.x) + params.shift);
  var v = x[i] * params.factor + params.bias.x + params.bias.y + params.bias.z + f32(params.last);
  if (TWICE) { v = 2.0 * v; }
  y[id.x] = v;
}`,
);

const params = { n: 3, shift: -1, factor: 10, bias: [0.25, 0.5, 0.125], last: 7 };
const shifted = (n: number) => tensor(Float32Array.from({ length: n + 1 }, (_, i) => i));

/** x starts one element late, so that shift -1 stays inside. */
function run(overrides: Record<string, unknown> = {}, spec = {}) {
  const x = shifted(4);
  const y = empty([3]);
  const all = { ...params, shift: 1, ...overrides } as Record<string, number | number[]>;
  scaleKernel.run({ bind: { x, y }, params: all, spec, grid: [1] });
  return y;
}

test("parameters arrive where the shader reads them: scalars, vectors, negative numbers", async () => {
  using _scope = new Scope();
  expect([...(await run().data())]).toEqual([17.875, 27.875, 37.875]);
  expect([...(await run({}, { TWICE: true }).data())]).toEqual([35.75, 55.75, 75.75]);
  expect([...(await run({ factor: -1, last: 0 }).data())]).toEqual([-0.125, -1.125, -2.125]);
});

test("variants and bind groups are made once", async () => {
  using _scope = new Scope();
  const x = shifted(4);
  const y = empty([3]);
  const go = (spec = {}) => scaleKernel.run({ bind: { x, y }, params: { ...params, shift: 1 }, spec, grid: [1] });
  go();
  go({ TWICE: true });
  const before = currentGpu().counters();
  for (let i = 0; i < 10; i++) go(i % 2 ? { TWICE: true } : {});
  expect(currentGpu().counters()).toEqual(before);
  await currentGpu().wait();
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["a fraction for u32", { n: 2.5 }, /^kernel test_scale: Params.n: expected u32, got 2.5$/],
  ["a negative for u32", { n: -1 }, /Params.n: expected u32, got -1/],
  ["too much for u32", { last: 2 ** 32 }, /Params.last: expected u32, got 4294967296/],
  ["too much for i32", { shift: 2 ** 31 }, /Params.shift: expected i32, got 2147483648/],
  ["NaN for i32", { shift: Number.NaN }, /Params.shift: expected i32, got NaN/],
  ["a short vector", { bias: [1, 2] }, /Params.bias: expected 3 f32, got 1,2/],
  ["nothing", { factor: undefined }, /Params.factor: expected f32, got undefined/],
  ["an unknown field", { extra: 1 }, /Params: expected a field of n, shift, factor, bias, last, got extra/],
])("%s is refused", (_what, overrides, message) => {
  using _scope = new Scope();
  expect(() => run(overrides)).toThrow(message);
});

test("bindings are checked by name", () => {
  using _scope = new Scope();
  const x = shifted(4);
  const y = empty([3]);
  const grid = [1] as const;
  const go = (bind: Record<string, typeof x>) => () => scaleKernel.run({ bind, params, grid });
  expect(go({ x })).toThrow("kernel test_scale: binding y: expected a tensor, got none; bound: x");
  expect(go({ x, y, z: x })).toThrow("kernel test_scale: binding: expected one of x, y, params, got z");
  expect(() => scaleKernel.run({ bind: { x, y }, params, spec: { WG: 1 }, grid })).toThrow(
    "//!spec: expected one of TWICE, got WG",
  );
});

test("a kernel without Params takes none", () => {
  using _scope = new Scope();
  const plain = kernel(
    "test_plain",
    "@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1) fn main() { y[0] = 1.0; }",
  );
  const y = empty([1]);
  expect(() => plain.run({ bind: { y }, params: { n: 1 }, grid: [1] })).toThrow("expected no params, got n");
});

test.each([[[0]], [[1, 65536]], [[1, 1, 1.0e9]], [[Number.NaN]]])("grid %j is refused", (grid) => {
  using _scope = new Scope();
  const bind = { x: shifted(4), y: empty([3]) };
  expect(() => scaleKernel.run({ bind, params, grid: grid as [number] })).toThrow(/expected 1 to 65535 workgroups/);
});

const foldKernel = kernel(
  "test_fold",
  `struct Params { n: u32, value: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i < params.n) { y[i] = params.value; }
}`,
);

test("a folded grid reaches the last element and not beyond", async () => {
  using _scope = new Scope();
  // 65,537 groups of 256: the grid folds to 32,769 x 2 and overhangs.
  const n = 65536 * 256 + 3;
  const y = empty([n + 5]);
  fill(y, -1);
  const part = { view: { ...y.view, bytes: 4 * n } };
  foldKernel.run({ bind: { y: part }, params: { n, value: 2.5 }, grid: grid1d(n) });
  const values = await y.data();
  expect([...values.slice(n - 3)]).toEqual([2.5, 2.5, 2.5, -1, -1, -1, -1, -1]);
  expect(values.indexOf(-1)).toBe(n);
});

// Broken shaders spoil their device, so these tests open another one.
const main = { gpu: null as Gpu | null };
async function ownGpu(): Promise<Gpu> {
  main.gpu = currentGpu();
  return requestGpu();
}
afterEach(() => {
  if (!main.gpu) return;
  if (currentGpu() !== main.gpu) currentGpu().destroy();
  setCurrentGpu(main.gpu);
  main.gpu = null;
});

const broken = kernel(
  "test_broken",
  `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn main() {
  y[0] = not_a_thing;
}`,
);

test("a shader that does not compile is a KernelError with its line, at the next wait", async () => {
  const gpu = await ownGpu();
  const y = empty([1]);
  broken.run({ bind: { y }, grid: [1] });
  const error = await gpu.wait().then(
    () => null,
    (e: Error) => e,
  );
  expect(error).toBeInstanceOf(KernelError);
  expect((error as KernelError).kernel).toBe("test_broken");
  expect(error?.message).toMatch(/^kernel test_broken: /);
  expect(error?.message).toContain("not_a_thing");
  expect(error?.message).toMatch(/:4:10/);
  // It stays: a later reading must not look fine.
  await expect(y.data()).rejects.toBe(error);
  expect(() => broken.run({ bind: { y }, grid: [1] })).toThrow(error!);
});

test("a missing feature is named before the compiler sees the shader", async () => {
  main.gpu = currentGpu();
  await requestGpu({ defaultLimits: true });
  const needy = kernel("test_needy", `enable subgroups;\n${broken.wgsl.replace("not_a_thing", "1.0")}`);
  const y = empty([1]);
  expect(() => needy.run({ bind: { y }, grid: [1] })).toThrow("kernel test_needy: needs the feature subgroups");
});

test("a dispatch the device refuses is a KernelError, too", async () => {
  const gpu = await ownGpu();
  const y = tensor(new Float32Array(4));
  // One buffer, read and written in one dispatch: WebGPU forbids it.
  scaleKernel.run({ bind: { x: y, y }, params, grid: [1] });
  await expect(y.data()).rejects.toThrow(/^kernel \(device\): /);
  await expect(gpu.wait()).rejects.toThrow(KernelError);
});

test("a view that does not fit its buffer is blamed on the kernel that binds it", async () => {
  await ownGpu();
  const x = shifted(4);
  const y = { view: { ...empty([3]).view, bytes: 4096 } };
  scaleKernel.run({ bind: { x, y }, params: { ...params, shift: 1 }, grid: [1] });
  await expect(x.data()).rejects.toThrow(/^kernel test_scale: /);
});

test("debug level 1 lists pipelines, 4 shows their WGSL", async () => {
  await ownGpu();
  const lines: string[] = [];
  configureDebug({ level: 4, log: (line) => lines.push(line) });
  try {
    run({}, { TWICE: true });
  } finally {
    configureDebug({ level: 0, log: (line) => console.error(line) });
  }
  expect(lines).toContain("pipeline test_scale TWICE=true;");
  expect(lines).toContain(scaleKernel.source({ TWICE: true }));
});

test("a kernel gives the constants of its shader, and refuses an unknown one", () => {
  const tile = kernel("test_constants", `const EACH: u32 = 4u; //!spec\nconst ROWS: u32 = 2u * EACH;\n${broken.wgsl}`);
  expect(tile.constant("ROWS")).toBe(8);
  expect(() => tile.constant("COLS")).toThrow(
    "kernel test_constants: expected an integer constant COLS, got undefined",
  );
});
