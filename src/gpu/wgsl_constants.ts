// Evaluates constant WGSL expressions over integers and booleans, for the template language.

export type Constants = ReadonlyMap<string, number | boolean>;
type Value = number | boolean | undefined;

const TOKEN = /\s*(?:(\d+)[ui]?(?![\w.])|(true|false)\b|([A-Za-z_]\w*)|(==|!=|<=|>=|&&|\|\||[-+*/%<>(),]))/y;
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!=", "<", ">", "<=", ">="],
  ["+", "-"],
  ["*", "/", "%"],
];

const OPERATORS: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => Math.trunc(a / b),
  "%": (a, b) => a % b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "&&": (a, b) => Boolean(a) && Boolean(b),
  "||": (a, b) => Boolean(a) || Boolean(b),
};

const FUNCTIONS: Readonly<Record<string, (values: readonly (number | boolean)[]) => number | boolean | undefined>> = {
  min: (v) => Math.min(...(v as number[])),
  max: (v) => Math.max(...(v as number[])),
  select: ([no, yes, condition]) => (condition ? yes : no),
};

function tokens(text: string): string[] | undefined {
  const found: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    if (!match) return undefined;
    found.push((match[1] ?? match[2] ?? match[3] ?? match[4])!);
  }
  return found;
}

/** Return the value of an expression of +, -, *, /, %, comparisons, min, max and select; undefined if it is not constant. */
export function evaluate(text: string, constants: Constants): Value {
  const list = tokens(text);
  if (!list) return undefined;
  let at = 0;
  const level = (depth: number): Value => {
    if (depth === LEVELS.length) return primary();
    let left = level(depth + 1);
    while (LEVELS[depth]!.includes(list[at]!)) {
      const apply = OPERATORS[list[at++]!]!;
      const right = level(depth + 1);
      left = left === undefined || right === undefined ? undefined : apply(left as number, right as number);
    }
    return left;
  };
  const primary = (): Value => {
    const token = list[at++];
    if (token === undefined) return undefined;
    if (/^\d/.test(token)) return Number(token);
    if (token === "true" || token === "false") return token === "true";
    if (token === "(") {
      const inside = level(0);
      return list[at++] === ")" ? inside : undefined;
    }
    if (list[at] !== "(") return constants.get(token);
    const values: Value[] = [];
    do {
      at++;
      values.push(level(0));
    } while (list[at] === ",");
    const known = values.every((v) => v !== undefined);
    if (list[at++] !== ")" || !known) return undefined;
    return FUNCTIONS[token]?.(values as (number | boolean)[]);
  };
  const value = level(0);
  return at === list.length ? value : undefined;
}

/** Return the integer and boolean constants of a shader's text, by name. WGSL allows use before declaration. */
export function constantsOf(text: string): Constants {
  const constants = new Map<string, number | boolean>();
  const declared = [...text.matchAll(/^const (\w+)(?:\s*:\s*(?:u32|i32|bool))?\s*=\s*([^;]+);/gm)];
  for (let before = -1; before < constants.size; ) {
    before = constants.size;
    for (const [, name, value] of declared) {
      const known = evaluate(value!, constants);
      if (known !== undefined) constants.set(name!, known);
    }
  }
  return constants;
}
