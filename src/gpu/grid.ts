// Computes the workgroups of a dispatch from its number of elements and from the shader's own text.
import { KernelError } from "./errors.ts";
import type { Header } from "./wgsl.ts";
import { constantsOf, evaluate } from "./wgsl_constants.ts";
import { withoutComments } from "./wgsl_struct.ts";

/** Workgroups along x, y, z, or a count that the kernel turns into them. */
export type Grid =
  | readonly [x: number, y?: number, z?: number]
  | { readonly elements: number }
  | { readonly groups: number };

const MAX_GROUPS = 65535;

/**
 * Return a grid that covers `elements`. The kernel reads from its shader how many elements a workgroup covers: one per
 * invocation, or `const ITEMS_PER_INVOCATION` of them.
 *
 * Above 65,535 workgroups the grid folds into two dimensions, which overhang: the shader must index with flat_group of
 * lib/index.wgsl and compare with the true count. A shader that does not read num_workgroups throws KernelError then.
 */
export function grid1d(elements: number): Grid {
  return { elements };
}

/** Run `groups` workgroups, whatever each of them covers. Folds like grid1d. */
export function groups1d(groups: number): Grid {
  return { groups };
}

/** Facts of a shader's text that a grid depends on. */
export interface Coverage {
  /** Elements of one workgroup. */
  readonly perGroup: number;
  /** True if the shader reads num_workgroups. */
  readonly unfolds: boolean;
}

export function coverageOf(source: string, header: Header): Coverage {
  const code = withoutComments(source);
  const constants = constantsOf(code);
  const sizes = header.workgroupSize.map((size) => evaluate(size, constants));
  const [x = 1, y = 1, z = 1] = sizes.map((size) => (typeof size === "number" ? size : 1));
  const items = constants.get("ITEMS_PER_INVOCATION");
  // An index made of global_invocation_id.x counts the invocations along x only.
  const invocations = /@builtin\(\s*global_invocation_id\s*\)/.test(code) ? x : x * y * z;
  return {
    perGroup: invocations * (typeof items === "number" ? items : 1),
    unfolds: /@builtin\(\s*num_workgroups\s*\)/.test(code),
  };
}

/** Return the workgroups along x, y, z. Throws KernelError if they exceed the limits or would leave elements out. */
export function resolveGrid(kernel: string, grid: Grid, shader: Coverage): [x: number, y: number, z: number] {
  let sizes: [number, number, number];
  if ("elements" in grid || "groups" in grid) {
    const groups = Math.max(1, "groups" in grid ? grid.groups : Math.ceil(grid.elements / shader.perGroup));
    const rows = Math.ceil(groups / MAX_GROUPS);
    sizes = [Math.ceil(groups / rows), rows, 1];
    if (rows > 1 && !shader.unfolds) {
      const problem = `expected at most ${MAX_GROUPS} workgroups of a shader that does not read num_workgroups, got ${groups}: index with flat_group of lib/index.wgsl, or run it in parts`;
      throw new KernelError(kernel, problem);
    }
  } else {
    const [x, y = 1, z = 1] = grid;
    sizes = [x, y, z];
  }
  if (!sizes.every((size) => size > 0 && size <= MAX_GROUPS)) {
    const problem = `grid: expected 1 to ${MAX_GROUPS} workgroups along each axis, got [${sizes.join(", ")}]`;
    throw new KernelError(kernel, problem);
  }
  return sizes;
}
