// Data that a machine has not: left out with a word about it, unless somebody said where it is.
import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/terminal/fail.ts";
import { available } from "../../tools/reproduce/available.ts";
import { SMALL } from "./made_up.ts";

const missing = async ({ name }: { readonly name: string }) => {
  if (name === "fashion-mnist") throw new UsageError("fashion-mnist: no copy on this machine. Install it");
};

describe("available data", () => {
  test("is all of it where nothing is missing", async () => {
    const asked: string[] = [];
    const load = async ({ name, dir }: { readonly name: string; readonly dir?: string | undefined }) =>
      void asked.push(`${name} ${dir ?? ""}`);
    expect(await available(SMALL, { "fashion-mnist": "/there" }, load)).toEqual({ missing: [], notes: [] });
    expect(asked).toEqual(["mnist ", "fashion-mnist /there"]);
  });

  test("names what is missing and how to get it", async () => {
    expect(await available(SMALL, {}, missing)).toEqual({
      missing: ["fashion-mnist"],
      notes: ["left out: fashion-mnist: no copy on this machine. Install it"],
    });
  });

  test("does not go on without a folder that was named, or with files that are broken", async () => {
    await expect(available(SMALL, { "fashion-mnist": "/nowhere" }, missing)).rejects.toThrow("no copy");
    const broken = async () => Promise.reject(new RangeError("train-labels: too short"));
    await expect(available(SMALL, {}, broken)).rejects.toThrow("too short");
  });
});
