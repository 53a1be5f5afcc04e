// The rule that chooses the tile of a product.
import { expect, test } from "vitest";
import { chooseTile, tilesToTry } from "../../../src/ops/tuning/tile.ts";

const gpu = { software: false };
const size = (rows: number, columns: number) => ({ rows, columns, products: 1 });

test.each([
  [8, 2 ** 20, "8x256"],
  [16, 2 ** 20, "16x256"],
  [64, 2 ** 20, "64x128"],
  [512, 2 ** 18, "128x128"],
  [100, 2 ** 18, "128x128"],
])("%i rows, %i columns: %s", (rows, columns, wanted) => {
  const tile = chooseTile(size(rows, columns), gpu);
  expect(`${tile.rows}x${tile.columns}`).toBe(wanted);
});

test("a small product is cut in more workgroups than a large tile has", () => {
  const few = chooseTile(size(512, 3136), gpu);
  expect(few.rows * few.columns).toBeLessThan(128 * 128);
});

test("every tile fits the workgroups of an adapter with default limits", () => {
  const sizes = [8, 16, 32, 64, 128].flatMap((rows) => [64, 2 ** 14, 2 ** 20].map((columns) => size(rows, columns)));
  for (const { spec, lanes, rows, columns } of sizes.flatMap((s) => [
    chooseTile(s, gpu),
    chooseTile(s, { software: true }),
    ...tilesToTry(s),
  ])) {
    expect(lanes).toBeLessThanOrEqual(256);
    expect(spec.DEPTH * (rows + columns) * 4).toBeLessThanOrEqual(16_384);
  }
});

test("the tuner tries tiles of 64 and 128 rows and columns, some in longer stages", () => {
  const labels = tilesToTry(size(512, 2 ** 18)).map(({ label }) => label);
  expect(labels).toEqual(
    expect.arrayContaining(["tile 128x128x8", "tile 64x128x8", "tile 128x64x8", "tile 64x64x8", "tile 64x64x16"]),
  );
});
