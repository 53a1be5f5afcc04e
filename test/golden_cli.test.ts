// The command line of the fixture runner: wrong arguments end with a message and exit code 2, before a GPU is opened.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

function golden(...args: string[]) {
  const command = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "tools/golden.ts", ...args];
  const { status, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
  return { status, stderr };
}

test.each([
  [[], "expected one directory, got 0"],
  [["no/such/folder"], "cannot read no/such/folder"],
  [["test/golden", "--only", "nothing"], "test/golden holds no fixtures of nothing"],
  [["test/golden", "--tolerance", "1"], "Unknown option '--tolerance'"],
])("golden %j says what is wrong", (args, words) => {
  const { status, stderr } = golden(...args);
  expect(stderr).toContain(words);
  expect(stderr).toContain("usage: npm run golden -- DIR");
  expect(status).toBe(2);
});
