// The command in sentences for the user: in a checkout, in a project, after a global installation, without any.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { espalierCommand } from "../../src/node/command_name.ts";

const empty = mkdtempSync(join(tmpdir(), "espalier-name-"));
const project = mkdtempSync(join(tmpdir(), "espalier-name-"));
const installed = join(project, "node_modules", "@espalier", "cli");
mkdirSync(installed, { recursive: true });
writeFileSync(join(installed, "package.json"), JSON.stringify({ name: "@espalier/cli" }));

test("is npm's script in a checkout", () => {
  expect(espalierCommand()).toBe("npm run -s espalier --");
});

test.each([
  [project, join(installed, "dist", "main.js"), "npx espalier"],
  [join(project, "deep"), "/usr/bin/node", "npx espalier"],
  [empty, "/usr/local/bin/espalier", "espalier"],
  [empty, "/somewhere/train.mjs", "npx @espalier/cli"],
])("in %s by %s is %s", (folder, program, command) => {
  expect(espalierCommand({ root: "/nowhere", folder, program })).toBe(command);
});
