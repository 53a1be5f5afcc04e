// The order in which batch norm's kernels visit a channel of [N, C, ...] (shaders/lib/channel_walk.wgsl), and the number of
// slices of each channel. Lengths are in Items: four adjacent numbers of a plane if its size allows, else one.
import { currentGpu, type Spec } from "../../gpu/index.ts";
import type { Shape } from "../../tensor/index.ts";

const LANES = 64;

export interface ChannelLayout {
  readonly channels: number;
  /** Numbers in one plane, and in one channel of the whole batch. */
  readonly plane: number;
  readonly count: number;
  /** Numbers in an Item: 1 or 4. */
  readonly width: number;
  readonly spec: Spec;
  /** Params of the walk. */
  readonly walk: {
    readonly channels: number;
    readonly area: number;
    readonly step_p: number;
    readonly step_j: number;
    readonly wrap_j: number;
    readonly items: number;
  };
}

/** Return the walk through the channels of x [N, C, ...]. */
export function channelLayout([batch = 1, channels = 1, ...rest]: Shape): ChannelLayout {
  const plane = rest.reduce((a, b) => a * b, 1);
  const width = plane % 4 === 0 ? 4 : 1;
  const area = plane / width;
  const image = channels * area;
  const step_p = LANES % area;
  // A step from one Item to another stays within 32 bits; one past the last Item may not, and is not used.
  const step_j = (step_p + Math.floor(LANES / area) * image) >>> 0;
  return {
    channels,
    plane,
    count: batch * plane,
    width,
    spec: { Item: width === 4 ? "vec4<f32>" : "f32", Bits: width === 4 ? "vec4<u32>" : "u32", WIDE: width === 4 },
    walk: { channels, area, step_p, step_j, wrap_j: image - area, items: batch * area },
  };
}

/** A channel's cut: [number of slices, Items in each but the last]. */
export interface Slices {
  readonly slices: number;
  readonly slice_items: number;
}

function cut({ walk, width }: ChannelLayout, numbers: number): Slices {
  // Whole rounds of the workgroup, as even as possible.
  const rounds = Math.ceil(walk.items / LANES);
  const wanted = Math.ceil(rounds / Math.max(1, Math.round(numbers / width / LANES)));
  const slice_items = Math.ceil(rounds / wanted) * LANES;
  return { slices: Math.ceil(walk.items / slice_items), slice_items };
}

/**
 * Numbers per workgroup. `busy`: with fewer workgroups a device is partly idle; on a CPU a workgroup costs more than it
 * gains. `least`: fewer numbers are not worth a workgroup. `most`: more numbers gain nothing.
 */
interface Sizes {
  readonly busy: number;
  readonly least: number;
  readonly most: number;
}

function cutFor(layout: ChannelLayout, { busy, least, most }: Sizes): Slices {
  return cut(layout, Math.max(least, Math.min(most, (layout.count * layout.channels) / busy)));
}

// Software: the best of 512 to 131,072 numbers on lavapipe, over five shapes. Hardware: reasoned, not measured.
const REDUCED_HARDWARE: Sizes = { busy: 1024, least: 2048, most: 65536 };
const REDUCED_SOFTWARE: Sizes = { busy: 8, least: 4096, most: Number.POSITIVE_INFINITY };
/** Channels up to this length always have one workgroup: slices cost a second dispatch that joins them. */
const SINGLE_HARDWARE = 4096;
const SINGLE_SOFTWARE = 16384;
const MAPPED_HARDWARE: Sizes = { busy: 1024, least: 256, most: 4096 };
const MAPPED_SOFTWARE: Sizes = { busy: 64, least: 4096, most: 16384 };

const onSoftware = () => currentGpu().adapter.software;

/** Cut for passes that reduce a channel. `software`: cut as for a CPU; default: as for the current adapter. */
export function reducedSlices(layout: ChannelLayout, software = onSoftware()): Slices {
  if (layout.count <= (software ? SINGLE_SOFTWARE : SINGLE_HARDWARE))
    return { slices: 1, slice_items: layout.walk.items };
  return cutFor(layout, software ? REDUCED_SOFTWARE : REDUCED_HARDWARE);
}

/** Cut for passes that read and write each number. */
export function mappedSlices(layout: ChannelLayout, software = onSoftware()): Slices {
  return cutFor(layout, software ? MAPPED_SOFTWARE : MAPPED_HARDWARE);
}
