// Follows docs/adding_an_op.md in a copy of the repository: writes its code blocks into files and runs its commands.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const copy = mkdtempSync(join(tmpdir(), "espalier-op-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const page = readFileSync(join(root, "docs/adding_an_op.md"), "utf8");
const blocks = [...page.matchAll(/^```(\w+)(?: (file|append|after)=([^|\n]+)(?:\|([^\n]+))?)?\n([\s\S]*?)^```$/gm)].map(
  ([, language, action, file, line, code]) => ({ language, action, file: file!, line, code: code! }),
);

function write({ action, file, line, code }: (typeof blocks)[number]): void {
  const path = join(copy, file);
  if (action === "file") {
    writeFileSync(path, code, { flag: "wx" });
    return;
  }
  const text = readFileSync(path, "utf8");
  if (action === "append") {
    writeFileSync(path, text + code);
    return;
  }
  const parts = text.split(`\n${line}\n`);
  expect(parts.length, `${file}: lines that read ${line}`).toBe(2);
  writeFileSync(path, parts.join(`\n${line}\n${code}`));
}

test("the page's blocks make two working ops", () => {
  const filter = (path: string) => path !== join(root, "test/golden");
  for (const name of [
    "src",
    "shaders",
    "tools",
    "test",
    "package.json",
    "biome.json",
    "tsconfig.json",
    "vitest.config.ts",
  ]) {
    cpSync(join(root, name), join(copy, name), { recursive: true, filter });
  }
  for (const name of ["demo", "docs", "bench", "examples", "node_modules"])
    symlinkSync(join(root, name), join(copy, name));
  const edits = blocks.filter((block) => block.action !== undefined);
  expect(edits.map((block) => block.file)).toContain("shaders/hardtanh.wgsl");
  for (const block of edits) write(block);
  const commands = blocks.filter((block) => block.language === "sh").flatMap((block) => block.code.trim().split("\n"));
  expect(commands.length).toBe(2);
  for (const command of commands) {
    const [program, ...args] = command.split(" ");
    try {
      execFileSync(program!, args, { cwd: copy, encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${command} failed\n${stdout}\n${stderr}`);
    }
  }
});
