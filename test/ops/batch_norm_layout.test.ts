import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ChannelLayout,
  channelLayout,
  mappedSlices,
  reducedSlices,
  type Slices,
  walkSpec,
} from "../../src/ops/norm/layout.ts";

/** Count the visits of each number when all workgroups walk as in shaders/lib/channel_walk.wgsl. */
function visits(layout: ChannelLayout, { slices, rounds }: Slices, numel: number): Uint8Array {
  const { channels, area, step_p, step_j, wrap_j, items } = layout.walk;
  const { width } = layout;
  const near = layout.spec["NEAR"] as number;
  const seen = new Uint8Array(numel);
  for (let c = 0; c < channels; c++) {
    for (let slice = 0; slice < slices; slice++) {
      for (let lane = 0; lane < 64; lane++) {
        const part = (slice * 64 + lane - (lane % near)) * rounds;
        const end = Math.min(part + near * rounds, items);
        const first = part + (lane % near);
        let p = first % area;
        let j = (Math.floor(first / area) * channels + c) * area + p;
        for (let i = first; i < end; i += near) {
          expect(Math.floor((j * width) / (area * width)) % channels).toBe(c);
          for (let k = 0; k < width; k++) seen[j * width + k]!++;
          p += step_p;
          j += step_j;
          if (p >= area) {
            p -= area;
            j += wrap_j;
          }
        }
      }
    }
  }
  return seen;
}

test("every number is met once, by its own channel, however the channel is cut", () => {
  const shape = fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 5 })),
    fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 600 })),
    fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 40 }),
    ),
  );
  const cuts = fc.oneof(
    fc.constant(reducedSlices),
    fc.constant(mappedSlices),
    // A lane's own round is the finest cut there is.
    fc.constant(({ walk }: ChannelLayout) => ({ slices: Math.ceil(walk.items / 64), rounds: 1 })),
  );
  fc.assert(
    fc.property(shape, cuts, fc.boolean(), (dims, cut, software) => {
      const layout = channelLayout(dims, software);
      const numel = dims.reduce((a, b) => a * b, 1);
      expect(visits(layout, cut(layout), numel).every((n) => n === 1)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("four at a time only where planes are multiples of four", () => {
  expect(
    [
      [8, 4],
      [2, 3, 2, 2],
      [2, 3, 6],
      [2, 3, 12],
    ].map((s) => channelLayout(s, true).width),
  ).toEqual([1, 4, 1, 4]);
});

test("a device's share: many workgroups on hardware where there is work, few on a CPU, none without work", () => {
  const groups = (shape: number[], software: boolean, of = mappedSlices) => {
    const layout = channelLayout(shape, software);
    return layout.channels * of(layout).slices;
  };
  expect(groups([16, 16, 32, 32], false)).toBeGreaterThanOrEqual(1000);
  expect(groups([16, 16, 32, 32], true)).toBe(64);
  expect(groups([128, 64, 56, 56], false)).toBeLessThan(8000);
  expect(groups([2, 3], false)).toBe(3);
  expect(groups([16, 16, 32, 32], true, reducedSlices)).toBe(16);
  expect(groups([16, 16, 32, 32], false, reducedSlices)).toBe(128);
  expect(groups([1, 1, 1024, 1024], false, reducedSlices)).toBe(512);
});

test("channels near the limit of 32 bits keep their steps within it", () => {
  // 2^30 numbers: the step of 64 images is longer than the tensor and is never taken.
  const { walk } = channelLayout([16, 2 ** 26], false);
  for (const value of Object.values(walk)) expect(value).toBe(value >>> 0);
});

test("an invocation on hardware loads four Items at once where it has as many; a CPU one", () => {
  const turns = (shape: number[], software: boolean) => {
    const layout = channelLayout(shape, software);
    return [reducedSlices(layout), mappedSlices(layout)].map((cut) => walkSpec(layout, cut, { dtype: "f32" })["TURNS"]);
  };
  expect(turns([128, 64, 56, 56], false)).toEqual([4, 4]);
  expect(turns([128, 64, 56, 56], true)).toEqual([1, 1]);
  expect(turns([16, 16, 32, 32], false)).toEqual([4, 1]);
  expect(turns([16, 64, 4, 4], false)).toEqual([1, 1]);
});

test("on hardware, long slices consist of whole groups of loads", () => {
  for (const shape of [
    [128, 64, 56, 56],
    [32, 256, 14, 14],
    [7, 33, 49, 49],
  ]) {
    const { rounds } = mappedSlices(channelLayout(shape, false));
    expect(rounds > 4 ? rounds % 4 : 0).toBe(0);
  }
});
