// The limit on the work queued on the GPU.
import { expect, test } from "vitest";
import { Pace } from "../../src/train/pace.ts";

/** Enqueue pieces of `seconds` each; return the queue length at each wait, and the longest time between waits. */
async function enqueue(pieces: readonly number[]): Promise<{ waits: number[]; longest: number }> {
  const waits: number[] = [];
  let [clock, before, count, longest] = [0, 0, 0, 0];
  const pace = new Pace({
    now: () => 1000 * clock,
    wait: async () => {
      waits.push(count);
      longest = Math.max(longest, before);
      clock += before;
      [before, count] = [0, 0];
    },
  });
  for (const seconds of pieces) {
    before += seconds;
    count++;
    await pace.enqueued();
  }
  return { waits, longest };
}

test("waits less and less often for a fast GPU, down to once a second", async () => {
  const { waits, longest } = await enqueue(Array.from({ length: 20_000 }, () => 0.001));
  expect(waits.slice(0, 5)).toEqual([1, 2, 4, 8, 16]);
  expect(Math.max(...waits)).toBe(512);
  expect(waits.length).toBeLessThan(60);
  expect(longest).toBeLessThan(1);
});

test("waits for a slow GPU after each piece", async () => {
  const { waits } = await enqueue(Array.from({ length: 10 }, () => 5));
  expect(waits).toEqual(Array.from({ length: 10 }, () => 1));
});

test("waits more often again for a GPU that becomes slow", async () => {
  const pieces = [...Array.from({ length: 600 }, () => 0.001), ...Array.from({ length: 1200 }, () => 0.1)];
  const { waits } = await enqueue(pieces);
  expect(waits.at(-1)).toBeLessThanOrEqual(10);
});
