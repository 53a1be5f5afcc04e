// The roofline picture: its points, and labels that do not overlap.
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { type Box, placeLabels } from "../../bench/lib/label_layout.ts";
import { roofAt, rooflinePoints } from "../../bench/lib/roofline.ts";
import { renderRooflineText } from "../../bench/lib/roofline_node.ts";
import { kernelResult, sample, variant } from "./sample.ts";

const results = sample([
  kernelResult("matmul", "big", [variant("naive", 400), variant("tile", 40), variant("auto", 50)]),
  kernelResult("pool", "small & <thin>", [variant("naive", 4), variant("auto", 2)], { flops: 1e6, bytes: 4e6 }),
  kernelResult("elementwise", "copy", [variant("naive", 1)], { flops: 0 }),
  { kind: "failure", group: "pool", name: "bad", error: "off" },
]);

describe("rooflinePoints", () => {
  test("are the fastest variants of cases with arithmetic", () => {
    const [big, small, ...others] = rooflinePoints(results);
    expect(others).toEqual([]);
    expect(big).toEqual({
      group: "matmul",
      name: "big",
      variant: "tile",
      intensity: 200,
      gflops: 50,
      first: 5,
      share: 0.5,
    });
    // 0.25 operations a byte: 10 GB/s allow 2.5 GFLOP/s.
    expect(small).toMatchObject({ intensity: 0.25, gflops: 0.5, share: 0.2 });
  });

  test("are below a roof that never falls and ends at the peak", () => {
    const { gauge } = results;
    fc.assert(
      fc.property(
        fc.double({ min: 1e-3, max: 1e4, noNaN: true }),
        fc.double({ min: 1, max: 10, noNaN: true }),
        (x, k) => {
          expect(roofAt(gauge, k * x)).toBeGreaterThanOrEqual(roofAt(gauge, x));
          expect(roofAt(gauge, x)).toBeLessThanOrEqual(gauge.fmaGFlops);
        },
      ),
    );
    expect(roofAt(gauge, 10)).toBe(100);
    expect(roofAt(gauge, 1)).toBe(10);
  });
});

describe("the picture", () => {
  test("names limits, groups and points, and escapes names", () => {
    const svg = renderRooflineText(results);
    const { document } = parseHTML(`<!doctype html><html><body>${svg}</body></html>`);
    const texts = [...document.querySelectorAll("text")].map((t) => t.textContent);
    for (const wanted of ["100 GFLOP/s", "10.0 GB/s", "matmul (1)", "pool (1)", "big", "small & <thin>"]) {
      expect(texts).toContain(wanted);
    }
    expect(texts.join(" ")).toContain("a test adapter");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg).not.toContain("<thin>");
    const tooltips = [...document.querySelectorAll("title")].map((t) => t.textContent);
    expect(tooltips).toContain("matmul big\ntile: 50.0 GFLOP/s, 50 % of the roof");
  });

  test("refuses results without arithmetic", () => {
    expect(() => renderRooflineText(sample())).toThrow(/at least one kernel case/);
  });
});

describe("placeLabels", () => {
  const frame: Box = { left: 0, top: 0, right: 300, bottom: 200 };
  const overlap = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

  test("never lets a label touch another, a point, or the frame", () => {
    const point = fc.record({ x: fc.integer({ min: 0, max: 300 }), y: fc.integer({ min: 0, max: 200 }) });
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 40 }), (points) => {
        const wanted = points.map((at, i) => ({ at, width: 20 + (i % 5) * 15, height: 11, weight: i }));
        const placed = placeLabels(wanted, points, [], frame);
        const boxes = placed.map(({ index, left, top }) => {
          const { width, height } = wanted[index]!;
          return { left, top, right: left + width, bottom: top + height };
        });
        boxes.forEach((box, i) => {
          expect(box.left >= 0 && box.right <= 300 && box.top >= 0 && box.bottom <= 200).toBe(true);
          for (const other of boxes.slice(i + 1)) expect(overlap(box, other)).toBe(false);
          for (const { x, y } of points) expect(overlap(box, { left: x, top: y, right: x, bottom: y })).toBe(false);
        });
      }),
    );
  });

  test("labels a lone point on its right, and the heavier of two at the same position", () => {
    const at = { x: 100, y: 100 };
    expect(placeLabels([{ at, width: 50, height: 10, weight: 1 }], [at], [], frame)).toEqual([
      { index: 0, left: 107, top: 95, isBefore: false },
    ]);
    const narrow: Box = { left: 90, top: 90, right: 170, bottom: 110 };
    const two = [1, 2].map((weight) => ({ at, width: 50, height: 10, weight }));
    expect(placeLabels(two, [at, at], [], narrow).map((p) => p.index)).toEqual([1]);
  });
});
