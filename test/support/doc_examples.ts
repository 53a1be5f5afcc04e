// The examples in the doc comments of public names: code after `@example`. Public names need no import there.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** An example of a doc comment. */
export interface DocExample {
  /** Name that the comment belongs to. */
  readonly name: string;
  /** "src/ops/unary.ts:57". */
  readonly label: string;
  /** Code without imports. */
  readonly code: string;
  /** Public names that the code imports, by entry. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
}

/** Return the entry of each public name, from the list of test/surface.test.ts. Types are in it, too. */
function publicNames(): Map<string, string> {
  const names = new Map<string, string>();
  let entry = "";
  for (const line of readFileSync(join(root, "test/surface.txt"), "utf8").split("\n")) {
    if (line.startsWith("# ")) entry = line.slice(2);
    else if (line !== "") names.set(line.replace(/^type /, ""), entry);
  }
  return names;
}

const IMPORT = /^import (?:type )?\{([^}]*)\} from "([^"]+)";\n?/gm;

/** Split a program into its imports and the rest. Names of the entries that it does not import are added. */
function withImports(text: string, known: ReadonlyMap<string, string>): Pick<DocExample, "code" | "imports"> {
  const imports = new Map<string, string[]>();
  const add = (entry: string, name: string) => imports.set(entry, [...(imports.get(entry) ?? []), name]);
  for (const [, names, entry] of text.matchAll(IMPORT)) {
    for (const name of names!.split(",")) if (name.trim()) add(entry!, name.trim().replace(/^type /, ""));
  }
  const code = text.replace(IMPORT, "").trim();
  if (imports.size > 0) return { code, imports };
  const plain = code.replace(/\/\/.*$/gm, "").replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
  const used = new Set([...plain.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)].map(([name]) => name));
  const own = new Set([...plain.matchAll(/\b(?:const|let|function|class)\s+(\w+)/g)].map(([, name]) => name!));
  for (const name of [...used].sort()) {
    const entry = known.get(name);
    if (entry && !own.has(name)) add(entry, name);
  }
  return { code, imports };
}

/** Return the examples in the text of one doc comment. */
function examplesIn(comment: string): string[] {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, ""));
  const found: string[][] = [];
  let current: string[] | null = null;
  let fenced = false;
  for (const line of lines) {
    if (/^\s*```/.test(line)) fenced = !fenced;
    else if (!fenced && /^\s*@example\b/.test(line)) {
      current = [];
      found.push(current);
    } else if (!fenced && /^\s*@\w/.test(line)) current = null;
    else current?.push(line);
  }
  return found.map((example) => `${example.join("\n").trim()}\n`);
}

const COMMENTED =
  /\/\*\*((?:(?!\*\/)[\s\S])*?@example(?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/[^\n]*\n\s*)*(?:export\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|function|class|interface|type)?\s*(\w+)/g;

/** Read the examples in the doc comments of src/. */
export function readDocExamples(): DocExample[] {
  const known = publicNames();
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  return files.sort().flatMap((file) => {
    const text = readFileSync(join(root, "src", file), "utf8");
    return [...text.matchAll(COMMENTED)].flatMap(({ 1: comment, 2: name, index }) => {
      const line = text.slice(0, index).split("\n").length;
      const label = `src/${file}:${line}`;
      return examplesIn(comment!).map((example) => ({ name: name!, label, ...withImports(example, known) }));
    });
  });
}

/** Return an example as a module with its imports. */
export function moduleOf({ imports, code }: DocExample): string {
  const lines = [...imports].map(([entry, names]) => `import { ${names.join(", ")} } from "${entry}";`);
  return `${lines.join("\n")}\n${code}\nexport {};\n`;
}

/** Return true if an example can run in a test: it opens no device and fetches nothing. */
export const canRun = ({ code }: DocExample): boolean =>
  !/\b(?:requestGpu|installGpu|fetchSource|fileSource|fetch)\(/.test(code);
