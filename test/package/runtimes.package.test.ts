// Runs the installed packages in Node, Bun and Deno: the same program gives the same numbers and ends by itself.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { must } from "../../src/setup/command.ts";
import { packedPackages } from "./support/packed.ts";
import { writePrograms } from "./support/programs.ts";
import { isAvailable, type RuntimeName, runtime, runtimeNames } from "./support/runtimes.ts";
import { readmeProgram } from "./support/snippets.ts";

const { installed } = packedPackages();
const project = join(installed, "runtimes");
/** Time limit in seconds of a program; without a GPU it takes about a tenth. */
const PATIENCE = 60;

/** The README's program draws its data. The same draws give the same numbers in all runtimes. */
const SEEDED = "let draw = 1; Math.random = () => (draw = (48271 * draw) % 0x7fffffff) / 0x7fffffff;";

/** Run a script in a runtime. Returns its output. A program that does not end by itself is an error. */
async function output(name: RuntimeName, script: string, ...flags: string[]): Promise<string> {
  const [program, ...args] = await runtime(name);
  const { stdout } = await must(`${script} in ${name}`, program, [...args, script, ...flags], {
    cwd: project,
    seconds: PATIENCE,
  });
  return stdout;
}

/** Output of each script in the first runtime that ran it. */
const first = new Map<string, string>();

beforeAll(async () => {
  await writePrograms(project);
  // The README's program is TypeScript; Node 20 runs JavaScript only.
  const { code } = await transform(readmeProgram(), { loader: "ts", format: "esm" });
  await writeFile(join(project, "readme.mjs"), `${SEEDED}\n${code}`);
});

describe.each(runtimeNames)("%s", (name) => {
  test.skipIf(!isAvailable(name))("trains LeNet-BN, with the bits of the other runtimes", async () => {
    const text = await output(name, "host.mjs");
    const losses = JSON.parse(text) as number[];
    expect(losses[0]).toBeCloseTo(Math.log(10), 1);
    expect(losses.at(-1)).toBeLessThan(0.5);
    expect(text).toBe(first.get("host") ?? text);
    first.set("host", text);
  });

  test.skipIf(!isAvailable(name))("runs the command", async () => {
    const text = await output(name, "../node_modules/@espalier/cli/dist/cli/main.js", "doctor");
    expect(text).toMatch(/^kernel +correct/m);
  });

  test.skipIf(!isAvailable(name))("runs the program of the README", async () => {
    const text = await output(name, "readme.mjs");
    const [, accuracy, zeros] = /^accuracy ([\d.]+), share of zeros ([\d.]+)$/m.exec(text) ?? [];
    expect(Number(accuracy)).toBeGreaterThan(0.95);
    expect(Number(zeros)).toBeCloseTo(0.9, 2);
    expect(text).toBe(first.get("readme") ?? text);
    first.set("readme", text);
  });
});
