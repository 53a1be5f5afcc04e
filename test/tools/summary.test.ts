// The last line of CI: the number of passed and failed tests.
import { describe, expect, test } from "vitest";
// @ts-expect-error plain JavaScript, so that CI's script can run it without a loader
import { summarise } from "../../tools/summary.mjs";

describe("the last line of CI", () => {
  const file = (...statuses: string[]) => ({
    status: statuses.includes("failed") ? "failed" : "passed",
    assertionResults: statuses.map((status) => ({ status })),
  });
  const line = (files: object[], code: number): string => summarise(JSON.stringify({ testResults: files }), code).line;
  test("adds up all projects", () => {
    expect(line([file("passed", "passed"), file("passed")], 0)).toBe("3 passed, 0 failed");
    expect(line([file("passed", "failed"), file("passed", "pending")], 1)).toBe("2 passed, 1 failed, 1 skipped");
  });
  test("a file that did not load, an unhandled error and a missing report are failures", () => {
    expect(line([file("passed"), { status: "failed", assertionResults: [] }], 1)).toBe("1 passed, 1 failed");
    expect(line([file("passed")], 1)).toBe("1 passed, 1 failed");
    expect(line([], 0)).toBe("0 passed, 1 failed");
    expect(summarise("", 1).line).toBe("0 passed, 1 failed");
  });
});
