// The helper for `using` in the packages: order of disposals, and which error counts.
import { expect, test } from "vitest";
// @ts-expect-error plain JavaScript, copied into the packages
import usingContext from "../../tools/packages/using.js";

interface Context {
  e: unknown;
  u<T>(value: T): T;
  d(): void;
}
const context = usingContext as () => Context;

/** Run a block as the compiler writes it. */
function block(work: (context: Context) => void): void {
  const uses = context();
  try {
    work(uses);
  } catch (error) {
    uses.e = error;
  } finally {
    uses.d();
  }
}

test("disposes in reverse order, skips null and undefined, and returns the values", () => {
  const order: string[] = [];
  const value = (name: string) => ({ [Symbol.dispose]: () => void order.push(name) });
  block(({ u }) => {
    const first = value("first");
    expect(u(first)).toBe(first);
    expect(u(null)).toBeNull();
    u(undefined);
    u(value("second"));
    order.push("block");
  });
  expect(order).toEqual(["block", "second", "first"]);
});

test("throws the error of the block after all disposals, even if it is undefined", () => {
  let disposed = false;
  const failing = (error: unknown) => () =>
    block(({ u }) => {
      u({
        [Symbol.dispose]() {
          disposed = true;
        },
      });
      throw error;
    });
  expect(failing(new Error("block"))).toThrow("block");
  expect(disposed).toBe(true);
  expect(failing(undefined)).toThrow();
});

test("a failed disposal hides no earlier error", () => {
  const bad = {
    [Symbol.dispose]: () => {
      throw new Error("disposal");
    },
  };
  let caught: unknown;
  try {
    block(({ u }) => {
      u(bad);
      throw new Error("block");
    });
  } catch (error) {
    caught = error;
  }
  expect(caught).toMatchObject({
    message: "disposal",
    suppressed: { message: "block" },
    error: { message: "disposal" },
  });
});
