// Checks a folder of HTML pages: every link, picture and anchor within it resolves.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const decoded = (text: string): string => text.replaceAll("&amp;", "&").replaceAll("&quot;", '"');
const textOf = (file: string): string => readFileSync(file, "utf8").replaceAll(/<script>[\s\S]*?<\/script>/g, "");
const valuesOf = (file: string, pattern: RegExp): Set<string> =>
  new Set([...textOf(file).matchAll(pattern)].map((m) => decoded(m[1]!)));

/** Return what is wrong with a link of the page `file`, or null. `anchorsOf` returns the anchors of a page. */
function fault(file: string, link: string, anchorsOf: (file: string) => ReadonlySet<string>): string | null {
  if (/^(https?:|mailto:|data:)/.test(link)) return null;
  if (/^[a-z-]+:/.test(link) || link.startsWith("/")) return "not a relative link";
  const [path = "", anchor = ""] = link.split("#");
  const bare = decodeURIComponent(path.split("?")[0]!);
  const named = bare === "" ? file : resolve(dirname(file), bare);
  const target = existsSync(named) && statSync(named).isDirectory() ? join(named, "index.html") : named;
  if (!existsSync(target)) return "no such file";
  // "name=value" holds settings that the page's script reads, as the demo does.
  if (anchor === "" || /^[a-zA-Z]+=/.test(anchor) || !target.endsWith(".html")) return null;
  return anchorsOf(target).has(decodeURIComponent(anchor)) ? null : "no such anchor";
}

/** Return the dead links of all pages in `folder`, as "page: link: reason". */
export function deadLinks(folder: string): string[] {
  const pages = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".html"));
  const known = new Map<string, ReadonlySet<string>>();
  const anchorsOf = (file: string): ReadonlySet<string> => {
    const anchors = known.get(file) ?? valuesOf(file, /\s(?:id|name)="([^"]*)"/g);
    known.set(file, anchors);
    return anchors;
  };
  return pages.flatMap((page) => {
    const file = join(folder, page);
    const faults = [...valuesOf(file, /\s(?:href|src)="([^"]*)"/g)].map((link) => [link, fault(file, link, anchorsOf)]);
    return faults.flatMap(([link, reason]) => (reason === null ? [] : [`${page}: ${link}: ${reason}`]));
  });
}
