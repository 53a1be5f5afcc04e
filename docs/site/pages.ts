// Reads the Markdown pages of the site in the order of docs/README.md, and rewrites their links for typedoc.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix, relative, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");
/** Folder in which the prepared pages are written. */
export const PREPARED = join(ROOT, ".cache/docs");
/** Start of the address of a source file, replaced when the page is rendered. */
export const SOURCE = "https://source.invalid/";

export interface Page {
  /** Path in the repository, or "" for a page made by the build. */
  readonly path: string;
  /** File name without its ending, in the site and in the folder of prepared pages. */
  readonly slug: string;
  readonly title: string;
  readonly group: string;
  readonly text: string;
}

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const slugOf = (path: string): string => {
  const name = path.replace(/^docs\//, "").replace(/\.md$/, "");
  return name.toLowerCase().replace(/\/?readme$/, "") === "" ? "index" : name.toLowerCase().replaceAll(/[/_]/g, "-");
};

const titleOf = (text: string): string => {
  const [, title] = /^# +(.*)$/m.exec(text) ?? [];
  if (title === undefined) throw new Error(`a page has no title: ${text.slice(0, 80)}`);
  return title.replaceAll("`", "");
};

/** Return the pages that docs/README.md lists, in its order, with the heading above each as group. */
export function listedPages(): Page[] {
  const pages: Page[] = [];
  let group = "";
  for (const line of read("docs/README.md").split("\n")) {
    const [, heading] = /^## +(.*)$/.exec(line) ?? [];
    if (heading) group = heading;
    const [, link] = /^\| \[[^\]]*\]\(([^)#]+\.md)\)/.exec(line) ?? [];
    if (!link) continue;
    const path = posix.join("docs", link);
    const text = read(path);
    pages.push({ path, slug: slugOf(path), title: titleOf(text), group, text });
  }
  return pages;
}

/** Return a page for each example: its first comment, how to run it, and its program. */
export function examplePages(): Page[] {
  const folder = join(ROOT, "examples");
  const files = readdirSync(folder).filter((name) => /\.(ts|html)$/.test(name));
  return files.sort().map((file) => {
    const program = read(`examples/${file}`);
    const [name, language] = file.split(".") as [string, string];
    const comment = language === "html" ? /<!--([\s\S]*?)-->/.exec(program)?.[1] : /^(?:\/\/.*\n)+/.exec(program)?.[0];
    const lines = (comment ?? "").split("\n").map((line) => line.replace(/^\/\/ ?/, "").trim());
    const about = lines.filter((line) => line !== "" && !/Run: npm run/.test(line)).join(" ");
    const run = `npm run -s example -- ${name}`;
    const text = `# ${name}\n\n${about}\n\n\`\`\`sh\n${run}\n\`\`\`\n\n\`\`\`${language}\n${program}\`\`\`\n`;
    return {
      path: `examples/${file}`,
      slug: `example-${name.replaceAll("_", "-")}`,
      title: name,
      group: "Examples",
      text,
    };
  });
}

const IMAGE = /\.(png|svg|jpe?g|gif)$/;

/** Rewrite a link of a page: pages to prepared pages, images to their files, other files to source pages. */
function rewrite(link: string, from: string, pages: ReadonlyMap<string, Page>): string | null {
  if (/^([a-z]+:|#)/.test(link)) return link;
  const [path = "", anchor] = link.split("#");
  const target = relative(ROOT, resolve(ROOT, dirname(from), path)).replaceAll("\\", "/");
  const hash = anchor === undefined ? "" : `#${anchor}`;
  if (target === "README.md" || target === "docs/README.md") return `${pages.get("docs/README.md")!.slug}.md${hash}`;
  const page = pages.get(target);
  if (page) return `${page.slug}.md${hash}`;
  const file = join(ROOT, target);
  if (IMAGE.test(target)) return relative(PREPARED, file).replaceAll("\\", "/");
  if (!existsSync(file)) throw new Error(`${from}: ${link}: no such file`);
  return statSync(file).isDirectory() ? null : `${SOURCE}${target}${hash}`;
}

/** Return the text of a page for typedoc: links rewritten, fences with the language alone. */
export function prepared(page: Page, pages: ReadonlyMap<string, Page>): string {
  let code = false;
  const lines = page.text
    .replaceAll(/<!--[\s\S]*?-->\n?/g, "")
    .split("\n")
    .map((line) => {
      if (/^(```|~~~)/.test(line)) {
        code = !code;
        return line.replace(
          /^(```|~~~)(\w*).*$/,
          (_, fence, language) => `${fence}${language || (code ? "text" : "")}`,
        );
      }
      if (code) return line;
      const linked = line.replaceAll(/(!?)\[((?:[^\]`]|`[^`]*`)*)\]\(([^)\s]+)\)/g, (_, mark, label, link) => {
        const to = rewrite(link, page.path || "docs/README.md", pages);
        return to === null ? label : `${mark}[${label}](${to})`;
      });
      return linked.replaceAll(/(src|href)="([^"#:]+\.(?:png|svg|md)[^"]*)"/g, (_, name, link) => {
        return `${name}="${rewrite(link, page.path || "docs/README.md", pages)}"`;
      });
    });
  const { title, group } = page;
  return `---\ntitle: ${JSON.stringify(title)}\ngroup: ${JSON.stringify(group)}\n---\n\n${lines.join("\n")}`;
}
