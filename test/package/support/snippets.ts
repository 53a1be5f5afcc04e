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
  /** Where the block runs, by its mark or because it calls `installGpu`: in Node, or bundled with Vite in Chromium. */
  readonly run: "host" | "page" | null;
}

/** Comments with blank lines after them, then a block that opens with "```ts" or "```ts using". */
const BLOCK = /(?<comments>(?:^<!--(?:(?!-->)[\s\S])*-->\n+)*)^```ts(?<using> using)?\n(?<code>[\s\S]*?)^```$/gm;
const PREAMBLE = /^<!-- preamble(?:: (?<continued>continued) |\n(?<text>[\s\S]*?)\n)-->/m;
const MARK = /^<!-- run: (host|page) -->/m;

/** Return true if the code is a whole program for Node: it needs nothing that its preamble only declares. */
const isProgram = (code: string): boolean => /^await installGpu\(/m.test(code) && !/^declare /m.test(code);

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
  return [...text.matchAll(BLOCK)].map((match) => {
    const { comments = "", using, code } = match.groups!;
    const preamble = PREAMBLE.exec(comments)?.groups;
    previous = `${preamble?.["continued"] ? previous : (preamble?.["text"] ?? "")}\n${code}`;
    const line = text.slice(0, match.index + comments.length).split("\n").length;
    const run = (MARK.exec(comments)?.[1] ?? (isProgram(previous) ? "host" : null)) as Snippet["run"];
    return { where: `${page}:${line}`, code: previous, using: using !== undefined, run };
  });
}

/** Return the blocks of all pages. */
export const snippets = (): Snippet[] =>
  pages().flatMap((page) => snippetsOf(page, readFileSync(join(root, page), "utf8")));

/** Return the pages in HTML that the guides show, with the page and line of each. */
export function htmlBlocks(): { where: string; html: string }[] {
  return pages().flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8");
    return [...text.matchAll(/^```html\n([\s\S]*?)^```$/gm)].map(({ index, 1: html }) => ({
      where: `${page}:${text.slice(0, index).split("\n").length}`,
      html: html!,
    }));
  });
}

/** Return the first program of the README. */
export function readmeProgram(): string {
  const [first] = snippetsOf("README.md", readFileSync(join(root, "README.md"), "utf8"));
  if (!first) throw new Error("README.md: expected a block that opens with ```ts, got none");
  return first.code;
}
