// The parts of the engine that the demo's build loads later: each stands for a module whose values are the listed functions, all asynchronous.
import { expect, test } from "vitest";
import { LATER_PARTS, later } from "../../tools/later_vite.ts";

const root = new URL("../../src/", import.meta.url);
const parts = Object.entries(LATER_PARTS);

test.each(parts)("%s exports the listed functions, which are asynchronous", async (file, names) => {
  const module = (await import(new URL(file, root).href)) as Record<string, unknown>;
  expect(Object.keys(module).sort()).toEqual([...names].sort());
  for (const name of names) expect(Object.prototype.toString.call(module[name])).toBe("[object AsyncFunction]");
});

test("a build replaces the modules by calls that load them, a server does not", () => {
  const [file, names] = parts[0]!;
  const id = new URL(file, root).pathname;
  later.configResolved({ command: "serve" });
  expect(later.load(id)).toBeUndefined();
  later.configResolved({ command: "build" });
  expect(later.load(`${id}?whole`)).toBeUndefined();
  expect(later.load(`${id}x`)).toBeUndefined();
  const { code } = later.load(id)!;
  for (const name of names) expect(code).toContain(`export const ${name} = (...args) => import(`);
  later.configResolved({ command: "serve" });
});
