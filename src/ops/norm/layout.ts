// The order in which batch norm's kernels visit a channel of [N, C, ...] (shaders/lib/channel_walk.wgsl), and the number of
// slices of each channel. Lengths are in Items: four adjacent numbers of a plane if its size allows, else one.
import { currentGpu, type Spec } from "../../gpu/index.ts";
import { actSpec, type DType, type Shape } from "../../tensor/index.ts";

const LANES = 64;

/**
 * Neighbouring invocations that take neighbouring Items (NEAR in the shaders). On hardware all of a workgroup. A CPU computes
 * eight or sixteen at once, one group after another, so each group should read on in memory: with 64 instead of 8, passes
 * over 8 MB take 1.1 to 1.3 times as long on llvmpipe of Mesa 25.0, and 3 to 4 times on that of 26.2.
 */
const NEAR_HARDWARE = LANES;
const NEAR_SOFTWARE = 8;
/** Loads that an invocation issues before it waits for the first (TURNS in the shaders), where it has as many. */
const TURNS_HARDWARE = 4;

const ONE: Spec = { Item: "f32", Bits: "u32", Stored: "Act", WIDE: false };
const FOUR: Spec = { Item: "vec4<f32>", Bits: "vec4<u32>", Stored: "vec4<Act>", WIDE: true };

export interface ChannelLayout {
  /** True for a CPU. */
  readonly software: boolean;
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

/** Return the walk through the channels of x [N, C, ...]. `software`: for a CPU; default: for the current adapter. */
export function channelLayout(
  [batch = 1, channels = 1, ...rest]: Shape,
  software = currentGpu().adapter.software,
): ChannelLayout {
  const NEAR = software ? NEAR_SOFTWARE : NEAR_HARDWARE;
  const plane = rest.reduce((a, b) => a * b, 1);
  const width = plane % 4 === 0 ? 4 : 1;
  const area = plane / width;
  const image = channels * area;
  const step_p = NEAR % area;
  // A step from one Item to another stays within 32 bits; one past the last Item may not, and is not used.
  const step_j = (step_p + Math.floor(NEAR / area) * image) >>> 0;
  return {
    software,
    channels,
    plane,
    count: batch * plane,
    width,
    spec: { ...(width === 4 ? FOUR : ONE), NEAR },
    walk: { channels, area, step_p, step_j, wrap_j: image - area, items: batch * area },
  };
}

/** A channel's cut. */
export interface Slices {
  readonly slices: number;
  /** Items of one invocation in each slice but the last. */
  readonly rounds: number;
}

/** Return the constants of the shaders for a walk through slices of x. */
export function walkSpec({ spec, software }: ChannelLayout, { rounds }: Slices, x: { readonly dtype: DType }): Spec {
  const turns = rounds >= TURNS_HARDWARE ? TURNS_HARDWARE : rounds > 1 ? 2 : 1;
  return { ...spec, TURNS: software ? 1 : turns, ...actSpec(x) };
}

function cut({ walk, width, software }: ChannelLayout, numbers: number): Slices {
  // As even as possible, in whole groups of loads.
  const all = Math.ceil(walk.items / LANES);
  const wanted = Math.ceil(all / Math.max(1, Math.round(numbers / width / LANES)));
  const even = Math.ceil(all / wanted);
  const rounds = software || even < TURNS_HARDWARE ? even : Math.ceil(even / TURNS_HARDWARE) * TURNS_HARDWARE;
  return { slices: Math.ceil(walk.items / (rounds * LANES)), rounds };
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

// Software: the best of 512 to 131,072 numbers on lavapipe, over five shapes. Hardware: reasoned, not measured. A card of 132
// multiprocessors holds 4224 workgroups of 64 at once.
const REDUCED_HARDWARE: Sizes = { busy: 4096, least: 2048, most: 65536 };
const REDUCED_SOFTWARE: Sizes = { busy: 8, least: 4096, most: Number.POSITIVE_INFINITY };
/** Channels up to this length always have one workgroup: slices cost a second dispatch that joins them. */
const SINGLE_HARDWARE = 4096;
const SINGLE_SOFTWARE = 16384;
const MAPPED_HARDWARE: Sizes = { busy: 4096, least: 256, most: 4096 };
const MAPPED_SOFTWARE: Sizes = { busy: 64, least: 4096, most: 16384 };

/** Cut for passes that reduce a channel. */
export function reducedSlices(layout: ChannelLayout): Slices {
  const { software, count, walk } = layout;
  if (count <= (software ? SINGLE_SOFTWARE : SINGLE_HARDWARE))
    return { slices: 1, rounds: Math.ceil(walk.items / LANES) };
  return cutFor(layout, software ? REDUCED_SOFTWARE : REDUCED_HARDWARE);
}

/** Cut for passes that read and write each number. */
export function mappedSlices(layout: ChannelLayout): Slices {
  return cutFor(layout, layout.software ? MAPPED_SOFTWARE : MAPPED_HARDWARE);
}
