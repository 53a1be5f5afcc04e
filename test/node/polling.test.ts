// Dawn's endless polling is delayed; setImmediate is unchanged for all other callers.
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { calmPolling } from "../../src/node/polling.ts";

let restore = () => {};
afterEach(() => restore());

/** Make a callback like Dawn's: native, nameless, polls until `until`. */
function questions(until: number, seen: number[]): () => void {
  const ask = () => {
    seen.push(performance.now());
    if (performance.now() < until) setImmediate(nameless(ask));
  };
  return nameless(ask);
}
const nameless = (fn: () => void) => Object.defineProperty(fn.bind(null), "name", { value: "" });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("polls a long wait once a millisecond, after an eager start", async () => {
  restore = calmPolling();
  const seen: number[] = [];
  const start = performance.now();
  setImmediate(questions(start + 60, seen));
  await sleep(100);
  expect(seen.length).toBeGreaterThan(5);
  expect(seen.filter((at) => at > start + 5).length).toBeLessThanOrEqual(60);
  restore();
  const spinning: number[] = [];
  setImmediate(questions(performance.now() + 60, spinning));
  await sleep(100);
  expect(spinning.length).toBeGreaterThan(4 * seen.length);
});

test("starts each new wait eagerly", async () => {
  restore = calmPolling();
  for (let i = 0; i < 3; i++) {
    const seen: number[] = [];
    setImmediate(questions(performance.now() + 20, seen));
    await sleep(40);
    expect(seen.length).toBeGreaterThan(2);
  }
});

test("leaves setImmediate to other callers: order, arguments, clearImmediate, promisify", async () => {
  restore = calmPolling();
  const order: unknown[] = [];
  setImmediate((...values: unknown[]) => order.push(...values), "a", 1);
  setImmediate(() => order.push("b"));
  clearImmediate(setImmediate(() => order.push("never")));
  const bound = Array.prototype.push.bind(order, "c");
  setImmediate(bound);
  expect(await promisify(setImmediate)("value")).toBe("value");
  expect(order).toEqual(["a", 1, "b", "c"]);
  expect(() => setImmediate(undefined as never)).toThrow(/callback/);
});

test("ignores a second call, and restores the original", () => {
  const before = globalThis.setImmediate;
  restore = calmPolling();
  const calm = globalThis.setImmediate;
  calmPolling();
  expect(globalThis.setImmediate).toBe(calm);
  restore();
  expect(globalThis.setImmediate).toBe(before);
});
