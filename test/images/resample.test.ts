// Resizing, compared with the bytes of Pillow 9.4 with BILINEAR.
import fc from "fast-check";
import { expect, test } from "vitest";
import { resizeBilinear } from "../../src/images/resample.ts";

/** A grey image of 5 x 7. */
const GREY = [
  0, 60, 134, 222, 68, 184, 62, 122, 196, 28, 130, 246, 124, 184, 2, 90, 192, 52, 186, 246, 64, 152, 254, 114, 248, 52,
  126, 214, 60, 176, 54, 114, 188, 20, 122,
];
const SIZES: readonly (readonly [number, number, readonly number[]])[] = [
  [3, 4, [82, 121, 158, 135, 103, 133, 158, 156, 145, 131, 129, 119]],
  [
    9,
    10,
    [
      0, 33, 79, 130, 191, 168, 74, 155, 129, 62, 41, 76, 104, 99, 159, 169, 129, 155, 136, 103, 108, 149, 146, 46, 105,
      171, 222, 155, 149, 170, 69, 113, 137, 103, 97, 139, 217, 189, 157, 131, 2, 50, 116, 187, 101, 99, 189, 231, 164,
      64, 85, 138, 173, 150, 157, 143, 115, 163, 165, 147, 142, 199, 211, 114, 189, 175, 70, 103, 155, 204, 91, 152,
      170, 80, 129, 153, 139, 77, 99, 153, 60, 124, 146, 60, 93, 140, 180, 62, 66, 122,
    ],
  ],
  [2, 11, [57, 91, 129, 111, 119, 147, 160, 168, 170, 143, 119, 87, 134, 182, 131, 126, 155, 142, 130, 121, 136, 149]],
  [
    8,
    3,
    [
      54, 153, 116, 89, 146, 141, 131, 137, 172, 97, 132, 169, 114, 141, 160, 181, 162, 144, 143, 136, 114, 108, 115,
      92,
    ],
  ],
];
const source = { data: Uint8Array.from(GREY), height: 5, width: 7, channels: 1 };
const whole = (height: number, width: number) => ({ top: 0, left: 0, height, width });

test.each(SIZES)("to %d x %d gives Pillow's bytes", (height, width, expected) => {
  expect([...resizeBilinear(source, height, width, whole(height, width)).data]).toEqual(expected);
});

test("the same size gives the same bytes", () => {
  expect([...resizeBilinear(source, 5, 7, whole(5, 7)).data]).toEqual(GREY);
});

test("a window is that part of the whole", () => {
  const size = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(size, size, fc.nat(), fc.nat(), (height, width, a, b) => {
      const window = { top: a % height, left: b % width, height: height - (a % height), width: width - (b % width) };
      const all = resizeBilinear(source, height, width, whole(height, width)).data;
      const part = resizeBilinear(source, height, width, window).data;
      const rows = Array.from({ length: window.height }, (_, y) => [
        ...all.subarray((window.top + y) * width + window.left, (window.top + y) * width + window.left + window.width),
      ]);
      expect([...part]).toEqual(rows.flat());
    }),
  );
});

test("channels do not mix", () => {
  const data = Uint8Array.from(GREY.flatMap((v) => [v, 255 - v, 9]));
  const { data: out } = resizeBilinear({ ...source, data, channels: 3 }, 3, 4, whole(3, 4));
  const alone = resizeBilinear(source, 3, 4, whole(3, 4)).data;
  expect([...out.filter((_, i) => i % 3 === 0)]).toEqual([...alone]);
  expect([...out.filter((_, i) => i % 3 === 2)]).toEqual(Array(12).fill(9));
});
