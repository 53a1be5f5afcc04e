// Builds the documentation site: `npm run docs` writes dist-docs, a folder of static pages that works from any path.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Application } from "typedoc";
import { PUBLIC_ENTRIES } from "../../tools/packages/entries.ts";
import { commandsPage } from "./commands.ts";
import { deadLinks } from "./links.ts";
import { showOps } from "./ops.mjs";
import { examplePages, listedPages, PREPARED, prepared, ROOT } from "./pages.ts";
import { sections } from "./search.ts";
import { writeSourcePages } from "./source_pages.mjs";
import { SiteRouter, SiteTheme } from "./theme.mjs";

const ENTRIES = Object.entries(PUBLIC_ENTRIES);

const HERE = import.meta.dirname;

/** Write the pages for typedoc and return them. */
async function preparePages() {
  rmSync(PREPARED, { recursive: true, force: true });
  mkdirSync(PREPARED, { recursive: true });
  const listed = listedPages();
  const index = {
    path: "docs/README.md",
    slug: "index",
    title: "All pages",
    group: "Project",
    text: readFileSync(join(ROOT, "docs/README.md"), "utf8"),
  };
  const before = listed.findIndex(({ group }) => group === "The command");
  const pages = [...listed.slice(0, before), await commandsPage(), ...listed.slice(before), ...examplePages(), index];
  const byPath = new Map(pages.map((page) => [page.path, page]));
  for (const page of pages) writeFileSync(join(PREPARED, `${page.slug}.md`), prepared(page, byPath));
  const home = {
    path: "docs/site/home.markdown",
    slug: "home",
    title: "Espalier",
    group: "",
    text: readFileSync(join(HERE, "home.markdown"), "utf8"),
  };
  writeFileSync(join(PREPARED, "home.md"), prepared(home, byPath).replace(/^---[\s\S]*?---\n/, ""));
  return pages;
}

/** Return what docs/api.md says of an entry. */
function aboutEntry(name) {
  const row = readFileSync(join(ROOT, "docs/api.md"), "utf8")
    .split("\n")
    .find((line) => line.startsWith(`| \`${name}\` |`));
  if (!row) throw new Error(`docs/api.md: expected a row about ${name}, got none`);
  const text = row.split("|")[2].trim();
  return text[0].toUpperCase() + text.slice(1);
}

/** Write the style sheets as the one file that typedoc takes, and return its path. */
function joinedStyles() {
  const file = join(PREPARED, "custom.css");
  const parts = ["frame", "text", "parts"].map((name) => readFileSync(join(HERE, "styles", `${name}.css`), "utf8"));
  writeFileSync(file, parts.join("\n"));
  return file;
}

/** Return typedoc's options. */
const optionsOf = (pages, out) => ({
  name: "Espalier",
  entryPoints: ENTRIES.map(([, path]) => join(ROOT, path)),
  projectDocuments: pages.map((page) => join(PREPARED, `${page.slug}.md`)),
  readme: join(PREPARED, "home.md"),
  tsconfig: join(HERE, "tsconfig.json"),
  out,
  router: "site",
  theme: "site",
  customCss: joinedStyles(),
  customJs: join(HERE, "client.js"),
  highlightLanguages: ["ts", "js", "json", "html", "sh", "yaml", "python", "wgsl"],
  ignoredHighlightLanguages: ["text", "console"],
  lightHighlightTheme: "github-light-high-contrast",
  darkHighlightTheme: "github-dark-high-contrast",
  basePath: ROOT,
  disableGit: true,
  sourceLinkTemplate: "https://source.invalid/{path}#L{line}",
  includeHierarchySummary: false,
  excludePrivate: true,
  excludeInternal: true,
  sort: ["kind", "alphabetical"],
  skipErrorChecking: true,
  treatWarningsAsErrors: true,
  logLevel: "Warn",
  useTsLinkResolution: true,
});

/** Build the site into `out`; `demo`: link to the demo in the folder demo/. */
export async function buildDocs(out, { demo = false } = {}) {
  const pages = await preparePages();
  const found = [];
  const site = {
    pages,
    entries: ENTRIES.map(([name]) => ({ name, about: aboutEntry(name) })),
    demo,
    version: JSON.parse(readFileSync(join(ROOT, "packages/espalier/package.json"), "utf8")).version,
    logo: readFileSync(join(HERE, "icon.svg"), "utf8"),
    slugs: new Map(pages.map((page) => [page.title, page.slug])),
    areas: new Map(
      pages.map((page) => [page.title, page.slug === "commands" ? "commands" : page.slug === "api" ? "api" : "guide"]),
    ),
    sources: new Set(),
    found: (page) => found.push(page),
  };
  const app = await Application.bootstrapWithPlugins(optionsOf(pages, out));
  SiteRouter.prototype.site = site;
  SiteTheme.prototype.site = site;
  app.renderer.defineRouter("site", SiteRouter);
  app.renderer.defineTheme("site", SiteTheme);
  showOps(app, new Map(ENTRIES.map(([name, path]) => [join(ROOT, path), name])));
  const project = await app.convert();
  if (!project) throw new Error("docs: the sources cannot be read");
  app.validate(project);
  await app.generateDocs(project, out);
  writeSourcePages(out, site);
  writeFileSync(join(out, "assets/search-data.js"), `self.ESPALIER_SEARCH=${JSON.stringify(found.flatMap(sections))};`);
  cpSync(join(HERE, "icon.svg"), join(out, "assets/icon.svg"));
  for (const unused of [
    "assets/main.js",
    "assets/search.js",
    "assets/navigation.js",
    "assets/hierarchy.js",
    "modules.html",
  ])
    rmSync(join(out, unused), { force: true });
  return { warnings: app.logger.warningCount, errors: app.logger.errorCount, pages: found.length };
}

/** Build a folder, add to it by `more`, check its links, and report; sets the exit code. */
export async function main(out, { more, ...options } = {}) {
  const start = performance.now();
  const { warnings, errors, pages } = await buildDocs(out, options);
  await more?.();
  const dead = deadLinks(out);
  for (const line of dead) console.error(`docs: ${line}`);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${out}: ${pages} pages, ${warnings} warnings, ${dead.length} dead links, ${seconds} s`);
  if (warnings + errors + dead.length > 0) process.exitCode = 1;
}

if (process.argv[1] === import.meta.filename) await main(resolve(ROOT, process.argv[2] ?? "dist-docs"));
