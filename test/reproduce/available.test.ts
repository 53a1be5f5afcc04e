// Missing data sets are skipped with a note, unless their folder is set.
import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/terminal/fail.ts";
import { available } from "../../tools/reproduce/available.ts";
import { SMALL } from "./made_up.ts";

const missing = async ({ name }: { readonly name: string }) => {
  if (name === "fashion-mnist") throw new UsageError("fashion-mnist: no copy on this machine. Install it");
};

describe("available data", () => {
  test("is complete if nothing is missing", async () => {
    const asked: string[] = [];
    const load = async ({ name, dir }: { readonly name: string; readonly dir?: string | undefined }) =>
      void asked.push(`${name} ${dir ?? ""}`);
    expect(await available(SMALL, { "fashion-mnist": "/there" }, load)).toEqual({ missing: [], notes: [] });
    expect(asked).toEqual(["mnist ", "fashion-mnist /there"]);
  });

  test("names missing data and says how to get it", async () => {
    expect(await available(SMALL, {}, missing)).toEqual({
      missing: ["fashion-mnist"],
      notes: ["left out: fashion-mnist: no copy on this machine. Install it"],
    });
  });

  test("stops if a given folder is missing or files are corrupt", async () => {
    await expect(available(SMALL, { "fashion-mnist": "/nowhere" }, missing)).rejects.toThrow("no copy");
    const broken = async () => Promise.reject(new RangeError("train-labels: too short"));
    await expect(available(SMALL, {}, broken)).rejects.toThrow("too short");
  });
});
