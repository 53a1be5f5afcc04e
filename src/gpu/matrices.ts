// The matrix units of an adapter, as WebGPU's experimental subgroup matrices offer them.

/** A product that one subgroup computes: [m, k] by [k, n], with f16 operands and f32 sums. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Lanes of the subgroup. Shaders pin them (features.ts) where an adapter has several sizes. */
  readonly lanes: number;
}

/** A row of `GPUAdapterInfo.subgroupMatrixConfigs`, which TypeScript's declarations lack. */
interface Config {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}
type Info = Pick<GPUAdapterInfo, "vendor" | "device" | "description" | "subgroupMinSize" | "subgroupMaxSize"> & {
  readonly subgroupMatrixConfigs?: Iterable<Config>;
};

/** Lanes that most GPUs run at a time. */
const USUAL_LANES = 32;

/** Return the lanes of a subgroup that works on an [m, n] matrix; 0 if no size is certain. */
function lanesFor(
  { vendor, subgroupMinSize: low = 0, subgroupMaxSize: high = 0 }: Info,
  n: number,
  pins: boolean,
): number {
  if (low === high) return low;
  // Apple's GPUs have 32 lanes, whatever range the driver names.
  if (vendor === "apple") return USUAL_LANES;
  if (!pins) return 0;
  // Intel's units make one column a lane.
  const lanes = vendor === "intel" ? n : USUAL_LANES;
  return lanes >= low && lanes <= high ? lanes : low;
}

/** Lavapipe of Mesa 26.2 ends the process when it compiles its 8x8x8 matrices for other subgroups than of 8 lanes. */
const LAVAPIPE_LANES = 8;

/** Return the shapes that multiply f16 into f32 sums, the largest first; none without f16 and subgroups. */
export function matrixShapes(info: Info, features: { has(name: string): boolean }): MatrixShape[] {
  if (!features.has("shader-f16") || !features.has("subgroups")) return [];
  const pins = features.has("subgroup-size-control");
  const isLavapipe = /llvmpipe/i.test(`${info.device} ${info.description}`);
  return [...(info.subgroupMatrixConfigs ?? [])]
    .filter((c) => c.componentType === "f16" && c.resultComponentType === "f32")
    .map(({ M: m, N: n, K: k }) => ({ m, n, k, lanes: lanesFor(info, n, pins) }))
    .filter(({ lanes }) => lanes > 0 && (!isLavapipe || lanes === LAVAPIPE_LANES))
    .sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k);
}
