import fc from "fast-check";
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { empty, Scope, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";

const live = () => currentGpu().memory().live;

test("a scope frees what was made in it, and nothing else", () => {
  const before = live();
  const outside = empty([10]);
  let inside: Tensor;
  {
    using _scope = new Scope();
    inside = empty([10]);
    expect(outside.isDisposed).toBe(false);
  }
  expect(inside.isDisposed).toBe(true);
  expect(outside.isDisposed).toBe(false);
  outside.dispose();
  expect(live()).toBe(before);
});

test("keep hands a tensor to the enclosing scope, and out of the last one to the caller", () => {
  const outer = new Scope();
  const inner = new Scope();
  const t = inner.keep(empty([1]));
  inner.dispose();
  expect(t.isDisposed).toBe(false);
  expect(outer.owns(t)).toBe(true);
  expect(outer.keep(t)).toBe(t);
  outer.dispose();
  expect(t.isDisposed).toBe(false);
  t.dispose();
});

test("keep of a stranger changes nothing", () => {
  using _outer = new Scope();
  const t = empty([1]);
  {
    using inner = new Scope();
    inner.keep(t);
  }
  expect(t.isDisposed).toBe(false);
});

test("release takes a tensor out of all scopes", () => {
  let t: Tensor;
  {
    using _outer = new Scope();
    t = empty([1]);
    {
      using _inner = new Scope();
      Scope.release(t);
    }
  }
  expect(t.isDisposed).toBe(false);
  t.dispose();
});

test("an error inside still frees", () => {
  const before = live();
  expect(() => {
    using _scope = new Scope();
    empty([1000]);
    throw new Error("boom");
  }).toThrow("boom");
  expect(live()).toBe(before);
});

test("early dispose by the user is safe", () => {
  const before = live();
  {
    using _scope = new Scope();
    const t = empty([10]);
    t.dispose();
  }
  expect(live()).toBe(before);
});

test("scopes that close in another order than they opened leave none behind", () => {
  const before = live();
  const outer = new Scope();
  const inner = new Scope();
  const a = inner.keep(empty([1]));
  outer.dispose();
  const b = empty([1]);
  inner.dispose();
  expect([a.isDisposed, b.isDisposed]).toEqual([true, true]);
  const free = empty([1]);
  const probe = new Scope();
  probe.dispose();
  expect(free.isDisposed).toBe(false);
  free.dispose();
  expect(live()).toBe(before);
});

test("tidy returns survivors: one tensor, a list or an object", async () => {
  const before = live();
  const one = tidy(() => {
    empty([100]);
    return tensor([1]);
  });
  const [two, three] = tidy(() => [tensor([2]), tensor([3])]) as [Tensor, Tensor];
  const { four, text } = tidy(() => ({ four: tensor([4]), text: "kept as it is" }));
  expect(tidy(() => empty([1]).numel)).toBe(1);
  expect(text).toBe("kept as it is");
  const values = await Promise.all([one, two, three, four].map((t) => t.item()));
  expect(values).toEqual([1, 2, 3, 4]);
  expect(live()).toBe(before + 4 * 256);
  for (const t of [one, two, three, four]) t.dispose();
  expect(live()).toBe(before);
});

test("any nesting of scopes, keeps and disposals leaves live bytes unchanged", () => {
  type Tree = { make: number; keep: boolean; early: boolean; children: Tree[] };
  const tree: fc.Memo<Tree> = fc.memo((depth) =>
    fc.record({
      make: fc.integer({ min: 0, max: 3 }),
      keep: fc.boolean(),
      early: fc.boolean(),
      children: depth > 1 ? fc.array(tree(), { maxLength: 3 }) : fc.constant([]),
    }),
  );
  const grow = (t: Tree): void => {
    using scope = new Scope();
    const made = Array.from({ length: t.make }, (_, i) => empty([64 * (i + 1)]));
    for (const child of t.children) grow(child);
    if (t.keep && made[0]) scope.keep(made[0]);
    if (t.early) made[1]?.dispose();
  };
  fc.assert(
    fc.property(tree(4), (t) => {
      const before = live();
      tidy(() => {
        grow(t);
        return null;
      });
      expect(live()).toBe(before);
    }),
    { numRuns: 50 },
  );
});
