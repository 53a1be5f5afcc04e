// A run as Markdown.
import { expect, test } from "vitest";
import { renderMarkdown } from "../../bench/lib/markdown.ts";
import { kernelResult, sample, variant } from "./sample.ts";

test("shows the fastest variant beside the first, with shares of the run's gauge", () => {
  const naive = variant("naive", 40);
  const text = renderMarkdown(
    sample([
      kernelResult("matmul", "a|b", [naive, variant("tile", 20, { ratio: 2 }), variant("auto", 25, { ratio: 1.6 })]),
      { kind: "host", group: "host", name: "replay", figures: [{ name: "host", value: 4.5, unit: "us" }] },
      { kind: "failure", group: "pool", name: "max", error: "off" },
    ]),
  );
  const lines = text.split("\n");
  // 2e9 operations in 20 ms: 100 GFLOP/s, all of the peak; 1e7 bytes: 0.5 GB/s of 10.
  expect(lines).toContain("| matmul a/b | naive, 40.0 ms | tile | 20.0 ms | 100 | 100 % | 0.500 | 5.0 % | 2.00x |");
  expect(lines).toContain("| host replay | host 4.50 us |");
  expect(lines).toContain("FAILED: pool max");
  expect(lines[0]).toContain("a test adapter");
  expect(text).not.toContain("interrupted");
  const widths = lines.filter((l) => l.startsWith("| matmul") || l.startsWith("| case") || l.startsWith("| ---"));
  expect(new Set(widths.slice(0, 3).map((l) => l.split("|").length)).size).toBe(1);
});

test("marks an interrupted run", () => {
  expect(renderMarkdown(sample([], { complete: false }))).toContain("The run was interrupted.");
});
