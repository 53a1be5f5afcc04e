// Weighs bundles of the packed engine: `npm run size` fails if one exceeds its limit.
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../src/node/programs.ts";

test("bundles of the engine stay within their limits", async () => {
  const root = resolve(import.meta.dirname, "../..");
  // The tests' NODE_ENV would change a bundle.
  const options = { cwd: root, env: { NODE_ENV: "production" }, seconds: 240 };
  const { code, output } = await run("npm", ["run", "-s", "size"], options);
  console.log(output);
  expect(code, output).toBe(0);
});
