// The public surface: the names of each entry, the types of their signatures, and their comments.
import { beforeAll, expect, test } from "vitest";
import { PUBLIC_ENTRIES } from "../tools/packages/entries.ts";
import { type PublicApi, readPublicApi } from "./support/public_api.ts";

let api: PublicApi;
beforeAll(() => {
  api = readPublicApi();
}, 240_000);

const valuesOf = (entry: string) => api.names.filter((name) => name.entry === entry && name.isValue);

test("each entry has the names of the list (npx vitest run --project unit test/surface.test.ts -u writes it)", async () => {
  const lines = Object.keys(PUBLIC_ENTRIES).flatMap((entry) => {
    const own = api.names.filter((name) => name.entry === entry);
    const sorted = (isValue: boolean) =>
      own
        .filter((name) => name.isValue === isValue)
        .map(({ name }) => name)
        .sort((a, b) => (a < b ? -1 : 1));
    const [values, types] = [sorted(true), sorted(false)];
    return [`# ${entry}`, ...values, ...types.map((name) => `type ${name}`), ""];
  });
  await expect(lines.join("\n")).toMatchFileSnapshot("surface.txt");
});

test("the main entry stays small", () => {
  expect(valuesOf("espalier").length).toBeLessThanOrEqual(165);
});

test("a name belongs to one entry", () => {
  const entries = new Map<string, string[]>();
  for (const { name, entry } of api.names) entries.set(name, [...(entries.get(name) ?? []), entry]);
  const twice = [...entries].filter(([, all]) => all.length > 1).map(([name, all]) => `${name}: ${all.join(", ")}`);
  expect(twice).toEqual([]);
});

test("entries export every type of their signatures", () => {
  expect(api.hidden).toEqual([]);
});

test("every public name has a doc comment", () => {
  const bare = api.names.filter(({ doc }) => doc === null);
  expect(bare.map(({ entry, name, file }) => `${entry}: ${name} (${file})`)).toEqual([]);
});

test("every public member of a public class has a doc comment", () => {
  const bare = api.names.filter(({ bareMembers }) => bareMembers.length > 0);
  expect(bare.map(({ name, file, bareMembers }) => `${name}: ${bareMembers.join(", ")} (${file})`)).toEqual([]);
});

test("the comment of a function or class that throws names its errors", () => {
  const silent = api.names.filter(
    ({ isValue, throws, doc }) => isValue && throws && !/Errors?|[Tt]hrow/.test(doc ?? ""),
  );
  expect(silent.map(({ name, file }) => `${name} (${file})`)).toEqual([]);
});

test("the comment of an op gives shapes and errors", () => {
  const ops = api.names.filter(({ isValue, isOp }) => isValue && isOp);
  expect(ops.length).toBeGreaterThan(50);
  const missing = ops.flatMap(({ name, doc }) => [
    ...(/Shapes|\[\]|element/i.test(doc ?? "") ? [] : [`${name}: shapes`]),
    ...(/Errors|Throws?|OpError/.test(doc ?? "") ? [] : [`${name}: errors`]),
  ]);
  expect(missing).toEqual([]);
});
