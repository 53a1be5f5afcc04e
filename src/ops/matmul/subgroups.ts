// Kernels of the matrix product for software adapters with subgroups of one size. Loaded where the adapter is one.
import rowsWgsl from "../../../shaders/matmul_rows.wgsl";
import subgroupWgsl from "../../../shaders/matmul_subgroup.wgsl";
import { kernel } from "../../gpu/index.ts";

export const subgroupKernel = kernel("matmul_subgroup", subgroupWgsl);
export const rowsKernel = kernel("matmul_rows", rowsWgsl);
