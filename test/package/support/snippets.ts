// Reads the TypeScript blocks of README, guides and package pages, and completes fragments by their hidden preambles.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

export interface Snippet {
  /** Page and line of the block. */
  readonly where: string;
  /** Text of the block, after its preamble. */
  readonly code: string;
  /** True if the block uses `using`, which needs the library ESNext.Disposable. */
  readonly using: boolean;
}

/** An optional preamble comment, blank lines, then a block that opens with "```ts" or "```ts using". */
const BLOCK =
  /(?:^<!-- preamble(?<same>: continued -->|\n(?<preamble>[\s\S]*?)\n-->)\s+)?^```ts(?<using> using)?\n(?<code>[\s\S]*?)^```$/gm;

/** Return the Markdown pages whose blocks are checked. */
function pages(): string[] {
  const below = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md") && !/node_modules|(^|\/)(dist|cache)\//.test(name))
      .map((name) => join(folder, name));
  return ["README.md", ...below("docs"), ...below("packages")].filter((page) => existsSync(join(root, page)));
}

/** Return the blocks of a page's text. A continued block starts with the previous one and its preamble. */
export function snippetsOf(page: string, text: string): Snippet[] {
  let previous = "";
  return [...text.matchAll(BLOCK)].map(({ index, 0: whole, groups }) => {
    const { same, preamble = "", using, code } = groups!;
    const before = same?.startsWith(":") ? previous : preamble;
    previous = `${before}\n${code}`;
    const line = text.slice(0, index + whole.indexOf("```ts")).split("\n").length;
    return { where: `${page}:${line}`, code: previous, using: using !== undefined };
  });
}

/** Return the blocks of all pages. */
export const snippets = (): Snippet[] =>
  pages().flatMap((page) => snippetsOf(page, readFileSync(join(root, page), "utf8")));

/** Return the first program of the README. */
export function readmeProgram(): string {
  const [first] = snippetsOf("README.md", readFileSync(join(root, "README.md"), "utf8"));
  if (!first) throw new Error("README.md: expected a block that opens with ```ts, got none");
  return first.code;
}
