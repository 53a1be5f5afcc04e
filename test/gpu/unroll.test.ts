// `//!unroll` writes loops out with the constants a shader has by then.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applySpec } from "../../src/gpu/wgsl.ts";
import { evaluate } from "../../src/gpu/wgsl_constants.ts";

const squeeze = (text: string) => text.replace(/\s+/g, " ").trim();

describe("unroll", () => {
  const nested = `const N: u32 = 2u;  //!spec
const M: u32 = select(1u, N, N > 3u);
fn main() {
  for (var i = 0u; i < N; i++) {  //!unroll
    for (var j = 0u; j <= i; j++) {
      a[i * M + 1u] = b[j];  // a } brace in a comment
    }
  }
  done();
}
`;
  test("writes the turns out and folds constant indices", () => {
    const at = applySpec("k", nested, {}).indexOf("fn main");
    expect(squeeze(applySpec("k", nested, {}).slice(at))).toBe(
      squeeze(`fn main() {
        { for (var j = 0u; j <= 0u; j++) { a[1u] = b[j]; } }
        { for (var j = 0u; j <= 1u; j++) { a[2u] = b[j]; } }
        done(); }`),
    );
  });
  test("follows the spec, through derived constants", () => {
    const text = applySpec("k", nested, { N: 4 });
    expect(text).toContain("a[13u]");
    expect(text).not.toContain("a[14u]");
  });
  test("inner bounds may depend on outer variables, steps on constants", () => {
    const text = applySpec(
      "k",
      `const P: u32 = 6u;
fn main() {
  for (var x = 0u; x < P; x += P / 2u) {  //!unroll
    for (var i = x; i < min(x + 2u, P); i++) {  //!unroll
      f(i);
    }
  }
}
`,
      {},
    );
    expect(text.match(/f\(\d+u\)/g)).toEqual(["f(0u)", "f(1u)", "f(3u)", "f(4u)"]);
    expect(text).not.toContain("for");
  });
  test("variables of a turn stay in it", () => {
    const text = applySpec(
      "k",
      `fn main() {\n  for (var i = 0u; i < 2u; i++) {  //!unroll\n    let a = i;\n    f(a);\n  }\n}\n`,
      {},
    );
    expect(squeeze(text)).toBe("fn main() { { let a = 0u; f(a); } { let a = 1u; f(a); } }");
  });
  test("a loop of no turns leaves nothing, an unmarked loop stays", () => {
    const text = applySpec(
      "k",
      "fn main() {\n  for (var i = 0u; i < 0u; i++) {  //!unroll\n    f(i);\n  }\n  for (var i = 0u; i < n; i++) {\n    g(i);\n  }\n}\n",
      {},
    );
    expect(text).not.toContain("f(");
    expect(text).toContain("for (var i = 0u; i < n; i++) {");
  });
  test.each([
    ["n", /expected constant bounds, got "for \(var i = 0u; i < n; i\+\+\) \{ {2}\/\/!unroll"/],
    ["5000u", /at most 4096 turns/],
  ])("a bound of %s is refused", (bound, words) => {
    const text = `fn main() {\n  for (var i = 0u; i < ${bound}; i++) {  //!unroll\n    f(i);\n  }\n}\n`;
    expect(() => applySpec("k", text, {})).toThrow(words);
  });
  test("a missing brace is refused", () => {
    expect(() => applySpec("k", "fn main() {\n  for (var i = 0u; i < 2u; i++) {  //!unroll\n    f(i);\n", {})).toThrow(
      /without its closing brace/,
    );
  });
});

describe("constant expressions", () => {
  const none = new Map<string, number>();
  test.each([
    ["2u + 3u * 4u", 14],
    ["(2u + 3u) * 4u % 7u", 6],
    ["7u / 2u", 3],
    ["10u - 3u - 2u", 5],
    ["select(1u, 2u, 3u > 2u && 1u != 1u)", 1],
    ["max(1u, min(5u, 3u))", 3],
    ["1u <= 1u || 2u < 1u", true],
    ["i32", undefined],
    ["1.5", undefined],
    ["f(2u)", undefined],
    ["2u +", undefined],
    ["(2u", undefined],
    ["a[1u]", undefined],
    ["select(1u, b, true)", undefined],
  ])("%s is %s", (text, value) => expect(evaluate(text, none)).toBe(value));
  test("names are looked up", () =>
    expect(
      evaluate(
        "N * M",
        new Map([
          ["N", 3],
          ["M", 5],
        ]),
      ),
    ).toBe(15));
  test("agrees with JavaScript on sums and products", () => {
    const leaf = fc.nat({ max: 50 }).map((n): [string, number] => [`${n}u`, n]);
    const { tree } = fc.letrec<{ tree: [string, number]; node: [string, number] }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, tie("node")),
      node: fc
        .tuple(tie("tree"), fc.constantFrom("+", "*"), tie("tree"))
        .map(([a, op, b]) => [`(${a[0]} ${op} ${b[0]})`, op === "+" ? a[1] + b[1] : a[1] * b[1]]),
    }));
    fc.assert(
      fc.property(tree, ([text, value]) => {
        expect(evaluate(text, none)).toBe(value);
      }),
    );
  });
});
