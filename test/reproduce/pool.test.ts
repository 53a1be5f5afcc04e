// Worker processes, with a small program in place of training: tasks, errors, an end in the middle of a task, shares of the cores.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { coreGroups, coresFrom, coresToDivide } from "../../tools/reproduce/cores.ts";
import type { Task } from "../../tools/reproduce/plan.ts";
import { openPool } from "../../tools/reproduce/pool.ts";

/** A worker that answers with its process number in place of the loss, and does as the name of the model says. */
const PROGRAM = `
const { files } = JSON.parse(process.argv[2]);
if (files.fails) process.send({ kind: "error", error: { name: "Error", message: "no adapter", expected: true } });
process.on("disconnect", () => process.exit(0));
process.on("message", ({ recipe }) => {
  const { name } = recipe.model;
  if (name === "end") process.exit(3);
  if (name === "bug") process.send({ kind: "error", error: { name: "TypeError", message: "a bug", stack: "at x", expected: false } });
  else if (name === "nan") process.send({ kind: "error", error: { name: "NonFiniteLossError", message: "step 3", expected: true } });
  else setTimeout(() => process.send({ kind: "outcome", outcome: { loss: process.pid, accuracy: NaN } }), 50);
});
process.send({ kind: "ready", adapter: "made up" });
`;

let folder = "";
let program = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-pool-"));
  program = join(folder, "worker.mjs");
  writeFileSync(program, PROGRAM);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const task = (name: string): Task => ({ recipe: { model: { name: name as never } }, measure: [], recalibrate: 1 });

describe("pool", () => {
  test("trains in several processes at a time, and in the same ones again", async () => {
    const { adapter, train, close } = await openPool({ jobs: 2, files: {}, program });
    expect(adapter).toBe("made up");
    const [a, b] = await Promise.all([train(task("x")), train(task("x"))]);
    expect(a.loss).not.toBe(b.loss);
    // NaN passes between processes.
    expect(a.accuracy).toBeNaN();
    expect([a.loss, b.loss]).toContain((await train(task("x"))).loss);
    close();
  });

  test("returns errors with their names, and serves further tasks", async () => {
    const { train, close } = await openPool({ jobs: 1, files: {}, program });
    await expect(train(task("bug"))).rejects.toMatchObject({ name: "TypeError", message: "a bug", stack: "at x" });
    await expect(train(task("nan"))).rejects.toMatchObject({ name: "NonFiniteLossError", message: "step 3" });
    const both = Promise.all([train(task("x")), train(task("x"))]);
    await expect(both).rejects.toThrow("expected at most 1 runs at a time");
    close();
  });

  test("reports a process that ends, and one that cannot start", async () => {
    const { train, close } = await openPool({ jobs: 1, files: {}, program });
    await expect(train(task("end"))).rejects.toThrow("its process ended by exit code 3");
    await expect(train(task("x"))).rejects.toThrow();
    close();
    await expect(openPool({ jobs: 2, files: { fails: "1" }, program })).rejects.toThrow("no adapter");
  });
});

describe("cores", () => {
  test("are divided evenly, in their order", () => {
    expect(coresFrom("0-2,5,8-9")).toEqual([0, 1, 2, 5, 8, 9]);
    expect(coreGroups([0, 1], 2)).toEqual(["0", "1"]);
    expect(coreGroups([0, 1, 2, 5, 8], 2)).toEqual(["0,1", "2,5,8"]);
    expect(coreGroups([0, 1], 3)).toBeNull();
  });

  test("are those of this process", async () => {
    const cores = await coresToDivide();
    if (cores !== null) expect(cores.length).toBeGreaterThan(0);
  });
});
