// Public entry `espalier/wgsl`: the shader library of the engine, for own kernels. It is a separate entry so that pages
// without own kernels do not load its text.
import adamStep from "../../shaders/lib/adam_step.wgsl?raw";
import adaptive from "../../shaders/lib/adaptive.wgsl?raw";
import adaptiveNumbers from "../../shaders/lib/adaptive_numbers.wgsl?raw";
import adaptiveStep from "../../shaders/lib/adaptive_step.wgsl?raw";
import axes from "../../shaders/lib/axes.wgsl?raw";
import batchMoments from "../../shaders/lib/batch_moments.wgsl?raw";
import batchNormGate from "../../shaders/lib/batch_norm_gate.wgsl?raw";
import batchNormalise from "../../shaders/lib/batch_normalise.wgsl?raw";
import batchStatistics from "../../shaders/lib/batch_statistics.wgsl?raw";
import broadcast from "../../shaders/lib/broadcast.wgsl?raw";
import channelMoments from "../../shaders/lib/channel_moments.wgsl?raw";
import channelSums from "../../shaders/lib/channel_sums.wgsl?raw";
import channelWalk from "../../shaders/lib/channel_walk.wgsl?raw";
import channels from "../../shaders/lib/channels.wgsl?raw";
import conv2dGradWeightPatch from "../../shaders/lib/conv2d_grad_weight_patch.wgsl?raw";
import conv2dOctets from "../../shaders/lib/conv2d_octets.wgsl?raw";
import conv2dPatch from "../../shaders/lib/conv2d_patch.wgsl?raw";
import conv2dPhases from "../../shaders/lib/conv2d_phases.wgsl?raw";
import conv2dWindow from "../../shaders/lib/conv2d_window.wgsl?raw";
import correlationParams from "../../shaders/lib/correlation_params.wgsl?raw";
import elements from "../../shaders/lib/elements.wgsl?raw";
import gate from "../../shaders/lib/gate.wgsl?raw";
import gemm from "../../shaders/lib/gemm.wgsl?raw";
import gradWeightParams from "../../shaders/lib/grad_weight_params.wgsl?raw";
import groupAdaptive from "../../shaders/lib/group_adaptive.wgsl?raw";
import groupCritical from "../../shaders/lib/group_critical.wgsl?raw";
import groupSgd from "../../shaders/lib/group_sgd.wgsl?raw";
import groupTable from "../../shaders/lib/group_table.wgsl?raw";
import hyper from "../../shaders/lib/hyper.wgsl?raw";
import index from "../../shaders/lib/index.wgsl?raw";
import itemNorm from "../../shaders/lib/item_norm.wgsl?raw";
import lif from "../../shaders/lib/lif.wgsl?raw";
import loss from "../../shaders/lib/loss.wgsl?raw";
import ltpGate from "../../shaders/lib/ltp_gate.wgsl?raw";
import matrixProduct from "../../shaders/lib/matrix_product.wgsl?raw";
import moments from "../../shaders/lib/moments.wgsl?raw";
import nonfinite from "../../shaders/lib/nonfinite.wgsl?raw";
import operands from "../../shaders/lib/operands.wgsl?raw";
import philox from "../../shaders/lib/philox.wgsl?raw";
import pointwise from "../../shaders/lib/pointwise.wgsl?raw";
import poolCover from "../../shaders/lib/pool_cover.wgsl?raw";
import poolLoad from "../../shaders/lib/pool_load.wgsl?raw";
import poolWindow from "../../shaders/lib/pool_window.wgsl?raw";
import power from "../../shaders/lib/power.wgsl?raw";
import quads from "../../shaders/lib/quads.wgsl?raw";
import reduceLanes from "../../shaders/lib/reduce_lanes.wgsl?raw";
import rmspropStep from "../../shaders/lib/rmsprop_step.wgsl?raw";
import rowNorm from "../../shaders/lib/row_norm.wgsl?raw";
import rows from "../../shaders/lib/rows.wgsl?raw";
import segment from "../../shaders/lib/segment.wgsl?raw";
import sgdMomentum from "../../shaders/lib/sgd_momentum.wgsl?raw";
import shareNone from "../../shaders/lib/share_none.wgsl?raw";
import shareSubgroup from "../../shaders/lib/share_subgroup.wgsl?raw";
import softThreshold from "../../shaders/lib/soft_threshold.wgsl?raw";
import sparseGroup from "../../shaders/lib/sparse_group.wgsl?raw";
import sparseTaps from "../../shaders/lib/sparse_taps.wgsl?raw";
import strGroup from "../../shaders/lib/str_group.wgsl?raw";
import strided from "../../shaders/lib/strided.wgsl?raw";
import subgroupMatrix from "../../shaders/lib/subgroup_matrix.wgsl?raw";
import sumVec4 from "../../shaders/lib/sum_vec4.wgsl?raw";
import surrogate from "../../shaders/lib/surrogate.wgsl?raw";
import tileProduct from "../../shaders/lib/tile_product.wgsl?raw";
import updateBlocks from "../../shaders/lib/update_blocks.wgsl?raw";
import updateGroups from "../../shaders/lib/update_groups.wgsl?raw";
import updateRows from "../../shaders/lib/update_rows.wgsl?raw";
import updateSegment from "../../shaders/lib/update_segment.wgsl?raw";
import upsample from "../../shaders/lib/upsample.wgsl?raw";
import { KernelError } from "../gpu/index.ts";

/** Texts of the library by name. They hold functions, constants and structs for the kernels that include them. */
export const wgslLibrary: Readonly<Record<string, string>> = {
  "lib/adam_step.wgsl": adamStep,
  "lib/adaptive.wgsl": adaptive,
  "lib/adaptive_numbers.wgsl": adaptiveNumbers,
  "lib/adaptive_step.wgsl": adaptiveStep,
  "lib/axes.wgsl": axes,
  "lib/batch_moments.wgsl": batchMoments,
  "lib/batch_norm_gate.wgsl": batchNormGate,
  "lib/batch_normalise.wgsl": batchNormalise,
  "lib/batch_statistics.wgsl": batchStatistics,
  "lib/broadcast.wgsl": broadcast,
  "lib/channel_moments.wgsl": channelMoments,
  "lib/channel_sums.wgsl": channelSums,
  "lib/channel_walk.wgsl": channelWalk,
  "lib/channels.wgsl": channels,
  "lib/conv2d_grad_weight_patch.wgsl": conv2dGradWeightPatch,
  "lib/conv2d_octets.wgsl": conv2dOctets,
  "lib/conv2d_patch.wgsl": conv2dPatch,
  "lib/conv2d_phases.wgsl": conv2dPhases,
  "lib/conv2d_window.wgsl": conv2dWindow,
  "lib/correlation_params.wgsl": correlationParams,
  "lib/elements.wgsl": elements,
  "lib/gate.wgsl": gate,
  "lib/gemm.wgsl": gemm,
  "lib/grad_weight_params.wgsl": gradWeightParams,
  "lib/group_adaptive.wgsl": groupAdaptive,
  "lib/group_critical.wgsl": groupCritical,
  "lib/group_sgd.wgsl": groupSgd,
  "lib/group_table.wgsl": groupTable,
  "lib/hyper.wgsl": hyper,
  "lib/index.wgsl": index,
  "lib/item_norm.wgsl": itemNorm,
  "lib/lif.wgsl": lif,
  "lib/loss.wgsl": loss,
  "lib/ltp_gate.wgsl": ltpGate,
  "lib/matrix_product.wgsl": matrixProduct,
  "lib/moments.wgsl": moments,
  "lib/nonfinite.wgsl": nonfinite,
  "lib/operands.wgsl": operands,
  "lib/philox.wgsl": philox,
  "lib/pointwise.wgsl": pointwise,
  "lib/pool_cover.wgsl": poolCover,
  "lib/pool_load.wgsl": poolLoad,
  "lib/pool_window.wgsl": poolWindow,
  "lib/power.wgsl": power,
  "lib/quads.wgsl": quads,
  "lib/reduce_lanes.wgsl": reduceLanes,
  "lib/rmsprop_step.wgsl": rmspropStep,
  "lib/row_norm.wgsl": rowNorm,
  "lib/rows.wgsl": rows,
  "lib/segment.wgsl": segment,
  "lib/sgd_momentum.wgsl": sgdMomentum,
  "lib/share_none.wgsl": shareNone,
  "lib/share_subgroup.wgsl": shareSubgroup,
  "lib/soft_threshold.wgsl": softThreshold,
  "lib/sparse_group.wgsl": sparseGroup,
  "lib/sparse_taps.wgsl": sparseTaps,
  "lib/str_group.wgsl": strGroup,
  "lib/strided.wgsl": strided,
  "lib/subgroup_matrix.wgsl": subgroupMatrix,
  "lib/sum_vec4.wgsl": sumVec4,
  "lib/surrogate.wgsl": surrogate,
  "lib/tile_product.wgsl": tileProduct,
  "lib/update_blocks.wgsl": updateBlocks,
  "lib/update_groups.wgsl": updateGroups,
  "lib/update_rows.wgsl": updateRows,
  "lib/update_segment.wgsl": updateSegment,
  "lib/upsample.wgsl": upsample,
};

const INCLUDE = /^[ \t]*\/\/!include[ \t]+"([^"\n]*)".*\n?/gm;

/**
 * Replace each line `//!include "lib/index.wgsl"` of a shader by the text of that file. A file that is named again, also by
 * another file, is pasted once.
 *
 * @param wgsl Text of a shader.
 * @param files Own files by name, besides those of the library or in their place.
 * @returns The text, for `kernel()`.
 * @throws KernelError for a name that neither the library nor `files` has.
 * @example
 * ```ts
 * const double = kernel(
 *   "double",
 *   pasteIncludes(`
 *   //!include "lib/index.wgsl"
 *   struct Params { n: u32 }
 *   @group(0) @binding(0) var<storage, read> x: array<f32>;
 *   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
 *   @group(0) @binding(2) var<uniform> params: Params;
 *   @compute @workgroup_size(64)
 *   fn main(
 *     @builtin(workgroup_id) group: vec3<u32>,
 *     @builtin(num_workgroups) groups: vec3<u32>,
 *     @builtin(local_invocation_index) lane: u32,
 *   ) {
 *     let i = flat_group(group, groups) * 64u + lane;
 *     if (i < params.n) { y[i] = 2.0 * x[i]; }
 *   }`),
 * );
 * const x = tensor([1, 2, 3]);
 * const y = emptyLike(x);
 * double.run({ bind: { x, y }, params: { n: 3 }, grid: grid1d(3) });
 * console.log(await y.data()); // 2, 4, 6
 * ```
 */
export function pasteIncludes(wgsl: string, files: Readonly<Record<string, string>> = {}): string {
  const known: Readonly<Record<string, string>> = { ...wgslLibrary, ...files };
  const pasted = new Set<string>();
  const paste = (text: string, from: string): string =>
    text.replace(INCLUDE, (_line, name: string) => {
      const found = Object.hasOwn(known, name) ? known[name] : undefined;
      if (found === undefined) {
        const names = Object.keys(known).join(", ");
        throw new KernelError(from, `//!include: expected one of ${names}, got ${JSON.stringify(name)}`);
      }
      if (pasted.has(name)) return "";
      pasted.add(name);
      return paste(found.endsWith("\n") ? found : `${found}\n`, name);
    });
  return paste(wgsl, "(text)");
}
