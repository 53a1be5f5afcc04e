import { expect, test } from "vitest";
import { inkOf } from "../../../demo/ui/photo.ts";

/** A square of 9 pixels a side with a bar of `ink` on `paper`, and a weak shadow. */
function picture(paper: number, ink: number): Uint8Array {
  const grey = new Uint8Array(81).fill(paper);
  for (let y = 2; y < 7; y++) grey[y * 9 + 4] = ink;
  grey[3 * 9 + 6] = Math.round(paper + (ink - paper) * 0.2);
  return grey;
}

test("ink on any paper becomes bright ink on black, without shadows", () => {
  const expected = new Uint8Array(81);
  for (let y = 2; y < 7; y++) expected[y * 9 + 4] = 255;
  for (const [paper, ink] of [
    [240, 20],
    [15, 250],
    [120, 60],
  ] as const)
    expect(inkOf(picture(paper, ink), 9)).toEqual(expected);
});

test("an empty picture has no ink", () => {
  expect(Math.max(...inkOf(new Uint8Array(81).fill(200), 9))).toBe(0);
});
