// Restates vitest's JSON report as `N passed, N failed`: node tools/summary.mjs report.json exit-code
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/**
 * Count the tests of all projects. A file that failed to load counts as one failure; so does a run that failed without a
 * failed test (an unhandled error) or wrote no report.
 */
export function summarise(text, exitCode) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  let report = null;
  try {
    report = JSON.parse(text);
  } catch {
    // counted below
  }
  for (const file of report?.testResults ?? []) {
    const before = failed;
    for (const { status } of file.assertionResults ?? []) {
      if (status === "passed") passed++;
      else if (status === "failed") failed++;
      else skipped++;
    }
    if (file.status === "failed" && failed === before) failed++;
  }
  if (failed === 0 && (exitCode !== 0 || passed === 0)) failed = 1;
  return { passed, failed, line: `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}` };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  let text = "";
  try {
    text = readFileSync(process.argv[2] ?? "", "utf8");
  } catch {
    // no report: a failure
  }
  const { failed, line } = summarise(text, Number(process.argv[3] ?? 1));
  console.log(line);
  process.exit(failed === 0 ? 0 : 1);
}
