// How many workgroups cover n elements, and whether a shader's own words agree.
import { KernelError } from "./errors.ts";
import type { Header } from "./wgsl.ts";
import { constantsOf, evaluate } from "./wgsl_constants.ts";

export type Grid = readonly [x: number, y?: number, z?: number];

export const MAX_GROUPS = 65535;

/** What a grid of grid1d was asked for. */
interface Asked {
  readonly elements: number;
  /** Elements a workgroup covers; undefined: what the shader says. */
  readonly perGroup: number | undefined;
}

/** By grid, so that a grid stays a plain array. */
const asked = new WeakMap<Grid, Asked>();

function fold(elements: number, perGroup: number): [number, number, number] {
  const groups = Math.max(1, Math.ceil(elements / perGroup));
  if (groups <= MAX_GROUPS) return [groups, 1, 1];
  const rows = Math.ceil(groups / MAX_GROUPS);
  return [Math.ceil(groups / rows), rows, 1];
}

/**
 * Workgroups for `elements`. A kernel takes from its shader how many elements a workgroup covers: one an invocation, or as many
 * as its `const ITEMS_PER_INVOCATION` says. `perGroup` says it in the shader's place, for shaders that count otherwise.
 *
 * Above 65,535 workgroups the grid folds into two dimensions; lib/index.wgsl unfolds it, so the shader must compare its index
 * with the true count. Running a shader that does not read num_workgroups on a folded grid throws KernelError.
 */
export function grid1d(elements: number, perGroup?: number): Grid {
  const grid: Grid = fold(elements, perGroup ?? 256);
  asked.set(grid, { elements, perGroup });
  return grid;
}

/** What a shader's text says of the elements that it covers. */
export interface Coverage {
  /** Of one workgroup. */
  readonly perGroup: number;
  /** It counts invocations along x, the way that cannot unfold a grid. */
  readonly byGlobalId: boolean;
  readonly declaresItems: boolean;
  readonly unfolds: boolean;
}

export function coverageOf(source: string, header: Header): Coverage {
  const code = source.replace(/\/\/[^\n]*/g, "");
  const constants = constantsOf(code);
  const sizes = header.workgroupSize.map((size) => evaluate(size, constants));
  const [x = 1, y = 1, z = 1] = sizes.map((size) => (typeof size === "number" ? size : 1));
  const items = constants.get("ITEMS_PER_INVOCATION");
  const byGlobalId = /@builtin\(\s*global_invocation_id\s*\)/.test(code);
  return {
    perGroup: (byGlobalId ? x : x * y * z) * (typeof items === "number" ? items : 1),
    byGlobalId,
    declaresItems: typeof items === "number",
    unfolds: /@builtin\(\s*num_workgroups\s*\)/.test(code),
  };
}

/** The grid of a dispatch. Throws KernelError where a grid of grid1d would leave elements out. */
export function resolveGrid(kernel: string, grid: Grid, shader: Coverage): Grid {
  const wish = asked.get(grid);
  if (!wish) return grid;
  const { elements, perGroup } = wish;
  const count = perGroup ?? shader.perGroup;
  if (shader.byGlobalId && !shader.declaresItems && count > shader.perGroup) {
    throw new KernelError(
      kernel,
      `grid1d(${elements}, ${perGroup}) counts ${perGroup} elements a workgroup, but @workgroup_size has ${shader.perGroup} along x and the shader reads global_invocation_id: leave the second number out, or declare ITEMS_PER_INVOCATION`,
    );
  }
  const [x, y, z] = fold(elements, count);
  if (y > 1 && !shader.unfolds) {
    throw new KernelError(
      kernel,
      `${elements} elements need ${Math.ceil(elements / count)} workgroups, more than ${MAX_GROUPS} along x: the grid folds into ${x} x ${y}, but the shader does not read num_workgroups (index with group.x + group.y * groups.x, as in lib/index.wgsl, or run it in parts)`,
    );
  }
  return [x, y, z];
}
