// The file of results: appending lines, and reading complete and incomplete files.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseLines, ResultFile, type ResultLine } from "../../tools/reproduce/lines.ts";
import { madeUpResults } from "./made_up.ts";

let folder = "";
let lines: ResultLine[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "espalier-reproduce-"));
  lines = (await madeUpResults()).slice(0, 6);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = () => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

describe("result file", () => {
  test("stores appended lines, in a folder that it creates", () => {
    const path = join(folder, "new", "results.jsonl");
    const file = new ResultFile(path);
    expect(file.lines).toEqual([]);
    expect(existsSync(path)).toBe(false);
    for (const line of lines) file.append(line);
    expect(file.lines).toEqual(lines);
    expect(readFileSync(path, "utf8")).toBe(text());
    expect(new ResultFile(path).lines).toEqual(lines);
  });

  test("drops an incomplete last line of any length", () => {
    const whole = text();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (cut) => {
        const path = join(folder, "torn.jsonl");
        writeFileSync(path, whole.slice(0, cut));
        const file = new ResultFile(path);
        const count = whole.slice(0, cut).split("\n").length - 1;
        expect(file.lines).toEqual(lines.slice(0, count));
        file.append(lines[0]!);
        expect(new ResultFile(path).lines).toEqual([...lines.slice(0, count), lines[0]]);
      }),
      { numRuns: 30 },
    );
  });

  test("takes the runs of another file, each once, and its whole lines only", () => {
    const [own, other] = [join(folder, "own.jsonl"), join(folder, "other.jsonl")];
    const file = new ResultFile(own);
    file.append(lines[0]!);
    // A run with another setting of the knob is another run; its accuracy does not matter.
    const changed = { ...lines[1]!, setting: 0.5 };
    const text = [lines[0], lines[1], changed, { ...lines[1], accuracy: 0 }].map((line) => JSON.stringify(line));
    writeFileSync(other, `${text.join("\n")}\n${text[0]!.slice(0, 20)}`);
    expect(file.merge(other)).toEqual({ added: 2, of: 4 });
    expect(file.merge(other)).toEqual({ added: 0, of: 4 });
    expect(file.lines).toEqual([lines[0], lines[1], changed]);
    expect(new ResultFile(own).lines).toEqual(file.lines);
    expect(readFileSync(other, "utf8")).toHaveLength(text.join("\n").length + 21);
    expect(() => file.merge(join(folder, "none.jsonl"))).toThrow(/none\.jsonl: no such file/);
  });

  test("names a line that is no result", () => {
    const path = join(folder, "wrong.jsonl");
    writeFileSync(path, text());
    appendFileSync(path, "nonsense\n");
    expect(() => new ResultFile(path)).toThrow(/wrong\.jsonl:7: expected JSON/);
    const bad = JSON.stringify({ ...lines[0], accuracy: 98 });
    expect(() => parseLines(`${text()}${bad}\n`, "f")).toThrow(/f:7: accuracy/);
    expect(() => parseLines("{}\n", "f")).toThrow(/f:1: family/);
  });
});
