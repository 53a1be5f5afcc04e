// The theme of the site: one layout for guides and API pages, over typedoc's templates of single items.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DefaultTheme, DefaultThemeRenderContext, JSX, KindRouter, ReflectionKind } from "typedoc";
import { ROOT } from "./pages.ts";
import { plainText } from "./search.ts";

const raw = (html) => JSX.createElement(JSX.Raw, { html });
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Put guides into guide/, examples into example/, and API items into api/ENTRY/. */
export class SiteRouter extends KindRouter {
  getIdealBaseName(reflection) {
    if (reflection.isDocument()) return `guide/${this.site.slugs.get(reflection.name) ?? reflection.name}`;
    const names = [];
    for (let at = reflection; at && !at.isProject(); at = at.parent) names.unshift(this.getUrlSafeName(at.name));
    const [entry, ...rest] = names;
    return rest.length === 0 ? `api/${entry}` : `api/${entry}/${rest.join(".")}`;
  }
}

/** Subjects of the entry espalier, by the folder of an item's source and, where a folder has several, by its file. */
const SUBJECTS = [
  ["Tensors", /^src\/tensor\/(?!capture)/],
  ["Ops", /^src\/ops\//],
  ["Layers and modules", /^src\/nn\//],
  ["Gradients", /^src\/autograd\/(?!op\.|debug)/],
  ["Own ops and captured steps", /^src\/(autograd\/op|tensor\/capture|gpu\/(kernel|grid))/],
  ["Optimiser and schedules", /^src\/(optim|prune)\//],
  ["Training", /^src\/(train|data)\//],
  ["Device", /^src\/(gpu|text|autograd\/debug)/],
];

/** Return the group of an item in the menu and in the list of its entry. Constants that hold a layer are classes. */
function groupOf(item, entry) {
  if (item.kindOf(ReflectionKind.Interface | ReflectionKind.TypeAlias)) return "Types";
  if (item.kindOf(ReflectionKind.Reference)) return "From other entries";
  if (item.name.endsWith("Error")) return "Errors";
  if (entry === "espalier") {
    const path = item.sources?.[0]?.fileName ?? item.signatures?.[0]?.sources?.[0]?.fileName ?? "";
    const full = path.startsWith("src/") ? path : `src/${path}`;
    return SUBJECTS.find(([, pattern]) => pattern.test(full))?.[0] ?? "Others";
  }
  if (item.kindOf(ReflectionKind.Function)) return "Functions";
  const isLayer = item.kindOf(ReflectionKind.Variable) && /^[A-Z]\w*[a-z]/.test(item.name);
  return isLayer || item.kindOf(ReflectionKind.Class) ? "Classes" : "Constants";
}
const LAST = ["Others", "Errors", "Types", "From other entries"];
const GROUPS = [...SUBJECTS.map(([subject]) => subject), "Functions", "Classes", "Constants", ...LAST];

/** Return the members of an entry by group, each group by name. */
function membersOf(module) {
  const members = (module.children ?? []).toSorted((a, b) => a.name.localeCompare(b.name));
  return GROUPS.map((group) => [group, members.filter((m) => groupOf(m, module.name) === group)]).filter(
    ([, list]) => list.length > 0,
  );
}

/** Return the first sentence of an item's doc comment, as HTML. */
function summaryOf(item) {
  const of = item.kindOf(ReflectionKind.Reference) ? (item.tryGetTargetReflectionDeep() ?? item) : item;
  const comment = of.comment ?? of.signatures?.[0]?.comment;
  const text = (comment?.summary ?? []).map((part) => part.text).join("");
  const [first = ""] = text.split(/\n\n|(?<=\.)\s+(?=[A-Z`*])/);
  return escaped(first.replaceAll(/\*\*\w+\*\*.*$/gs, "").trim()).replaceAll(/`([^`]*)`/g, "<code>$1</code>");
}

/** Renumber the headings of an API page, so that no level is skipped: typedoc's templates go from h1 to h4 and h5. */
function orderHeadings(html) {
  const open = []; // the headings around the current one: [level in the template, level on the page]
  return html.replaceAll(/<h([1-6])([^>]*)>([\s\S]*?)<\/h\1>/g, (_, digit, attributes, text) => {
    const level = text.trim() === "Index" ? 2 : Number(digit);
    while (open.length > 0 && open.at(-1)[0] >= level) open.pop();
    const fitting = (open.at(-1)?.[1] ?? 0) + 1;
    open.push([level, fitting]);
    return `<h${fitting}${attributes}>${text}</h${fitting}>`;
  });
}

class SiteContext extends DefaultThemeRenderContext {
  constructor(...parameters) {
    super(...parameters);
    const itemTemplate = this.reflectionTemplate;
    this.reflectionTemplate = (props) =>
      props.model.kindOf(ReflectionKind.Module) ? raw(this.entryPage(props)) : itemTemplate(props);
    this.defaultLayout = (template, props) => raw(this.layout(template, props));
  }

  get site() {
    return this.theme.site;
  }

  link(to, label, current, css = "") {
    const mark = current ? ' aria-current="page"' : "";
    return `<a href="${to}"${css ? ` class="${css}"` : ""}${mark}>${escaped(label)}</a>`;
  }

  guideMenu(props) {
    const groups = new Map();
    for (const page of this.site.pages) groups.set(page.group, [...(groups.get(page.group) ?? []), page]);
    return [...groups]
      .map(([group, pages]) => {
        const items = pages.map((page) => {
          const url = `guide/${page.slug}.html`;
          return `<li>${this.link(this.relativeURL(url), page.title, props.url === url)}</li>`;
        });
        return `<section><h2>${escaped(group)}</h2><ul>${items.join("")}</ul></section>`;
      })
      .join("");
  }

  apiMenu(props) {
    const found = props.project.children.filter((child) => child.kindOf(ReflectionKind.Module));
    const modules = this.site.entries.map(({ name }) => found.find((module) => module.name === name));
    const inside = (module) => {
      for (let at = props.model; at; at = at.parent) if (at === module) return true;
      return false;
    };
    const entries = modules.map(
      (module) => `<li>${this.link(this.urlTo(module), module.name, module === props.model)}</li>`,
    );
    const lists = membersOf(modules.find(inside) ?? modules[0]).map(([heading, members]) => {
      const items = members.map((m) => `<li>${this.link(this.urlTo(m), m.name, m === props.model)}</li>`);
      const open = heading !== "Types" || members.includes(props.model) ? " open" : "";
      return `<details${open}><summary>${heading}</summary><ul>${items.join("")}</ul></details>`;
    });
    return `<section class="entry"><h2>Entries</h2><ul>${entries.join("")}</ul></section><section>${lists.join("")}</section>`;
  }

  /** Return the list of an entry's members, each with the first sentence of its comment. */
  entryPage(props) {
    const { about } = this.site.entries.find(({ name }) => name === props.model.name);
    props.startNewSection(undefined);
    const lists = membersOf(props.model).map(([group, members]) => {
      const id = group.toLowerCase().replaceAll(" ", "-");
      props.pageHeadings.push({ link: `#${id}`, text: group, level: 2 });
      const rows = members.map((m) => `<tr><td>${this.link(this.urlTo(m), m.name)}</td><td>${summaryOf(m)}</td></tr>`);
      return `<h2 id="${id}">${group}</h2><table class="members"><tbody>${rows.join("")}</tbody></table>`;
    });
    const code = `import { ... } from "${props.model.name}";`;
    return `<p>${escaped(about)}.</p><pre><code>${escaped(code)}</code></pre>${lists.join("")}`;
  }

  /** Return the headings of a page: those in the text of a guide, or those that typedoc's templates noted. */
  headingsOf(props, body) {
    if (!props.model.isDocument()) {
      const noted = props.pageSections.flatMap((part) => part.headings).filter(({ level = 2 }) => level <= 3);
      const first = Math.min(...noted.map(({ level = 2 }) => level));
      return noted.map(({ link, text, level = 2 }) => ({ link, text: plainText(text), deep: level > first }));
    }
    const found = body.matchAll(/<h([23]) id="([^"]*)">([\s\S]*?)<\/h\1>/g);
    return Array.from(found, ([, level, id, html]) => ({ link: `#${id}`, text: plainText(html), deep: level === "3" }));
  }

  contents(props, body) {
    const items = this.headingsOf(props, body).map(({ link, text, deep }) => {
      return `<li${deep ? ' class="deep"' : ""}><a href="${link}">${escaped(text)}</a></li>`;
    });
    if (items.length < 2) return "";
    return `<nav class="contents" aria-label="On this page"><h2>On this page</h2><ul>${items.join("")}</ul></nav>`;
  }

  bar(props) {
    const area = props.model.isDocument()
      ? this.site.areas.get(props.model.name)
      : props.url === "index.html"
        ? "home"
        : "api";
    const at = (url, label, name) => this.link(this.relativeURL(url), label, area === name);
    const demo = this.site.demo ? `<a href="${this.relativeURL("demo/index.html")}">Demo</a>` : "";
    return `<header class="bar"><button class="menu" aria-label="Menu" aria-expanded="false">☰</button>
<a class="brand" href="${this.relativeURL("index.html")}">${this.site.logo}<span>Espalier</span></a>
<nav aria-label="Site">${at(`guide/${this.site.pages[0].slug}.html`, "Guides", "guide")}${at("guide/api.html", "API", "api")}${at("guide/commands.html", "Commands", "commands")}${demo}</nav>
<button class="search-open" type="button"><span>Search</span><kbd>/</kbd></button>
<button class="theme" type="button" aria-label="Light or dark" title="Light or dark">◐</button></header>`;
  }

  head(title) {
    const asset = (name) => this.relativeURL(`assets/${name}`);
    return `<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><meta name="description" content="Espalier trains and prunes neural networks on WebGPU.">
<link rel="icon" href="${asset("icon.svg")}" type="image/svg+xml">
<link rel="stylesheet" href="${asset("style.css")}"><link rel="stylesheet" href="${asset("highlight.css")}">
<link rel="stylesheet" href="${asset("custom.css")}">
<script>document.documentElement.dataset.theme = localStorage.getItem("espalier-docs-theme") || "os";</script>
<script defer src="${asset("custom.js")}"></script><script async src="${asset("icons.js")}" id="tsd-icons-script"></script></head>`;
  }

  layout(template, props) {
    const document = props.model.isDocument();
    const home = props.url === "index.html";
    const text = this.sourceLinks(JSX.renderElement(template(props)));
    const body = document ? this.linkNames(text, props) : text;
    const main = document || home ? body : orderHeadings(this.itemHeader(props) + body);
    const title = home ? "Espalier" : `${props.model.name} - Espalier`;
    const group = this.site.pages.find((page) => props.url === `guide/${page.slug}.html`)?.group;
    const guide = group === "Examples" ? "example" : "guide";
    const kind = document ? guide : ReflectionKind.singularString(props.model.kind).toLowerCase();
    const entry = props.model.parent?.name ?? "";
    if (!home && props.url !== "modules.html")
      this.site.found({
        url: props.url,
        title: props.model.name,
        kind,
        entry: kind === "module" || document ? "" : entry,
        html: body,
      });
    const menu = home
      ? ""
      : `<nav class="side" aria-label="Pages">${document ? this.guideMenu(props) : this.apiMenu(props)}</nav>`;
    const kindOfPage = home ? "home" : document ? "guide" : "api";
    return `<html lang="en" data-base="${this.relativeURL("./")}">${this.head(title)}
<body class="${kindOfPage}"><a class="skip" href="#main">Skip to the text</a>${this.bar(props)}
<div class="frame">${menu}<main id="main">${main}${document ? this.neighbours(props) : ""}</main>${home ? "" : this.contents(props, body)}</div>
<footer>Espalier ${this.site.version}, Apache-2.0. This site is made from the repository by <code>npm run docs</code>.</footer>
<dialog class="search" aria-label="Search"><input type="search" placeholder="Search guides and API" aria-label="Search" autocomplete="off" spellcheck="false"><ol></ol><p></p></dialog></body></html>`;
  }

  /** Link names of the API in the text of a guide, outside of code blocks, links and headings. */
  linkNames(html, props) {
    this.site.names ??= new Map(
      props.project.children.flatMap(({ children = [] }) => children.map((item) => [item.name, item])).reverse(),
    );
    const text = /<pre[\s\S]*?<\/pre>|<a [\s\S]*?<\/a>|<h\d[\s\S]*?<\/h\d>|<code>([A-Za-z]\w+)(\([^<]*\))?<\/code>/g;
    return html.replaceAll(text, (whole, name) => {
      const item = name === undefined || name === "linear" ? undefined : this.site.names.get(name); // linear: also a schedule
      return item ? `<a href="${this.urlTo(item)}">${whole}</a>` : whole;
    });
  }

  itemHeader(props) {
    if (props.model.kindOf(ReflectionKind.Module)) return `<h1>${escaped(props.model.name)}</h1>`;
    return this.sourceLinks(JSX.renderElement(this.header(props)));
  }

  /** Return links to the previous and the next page of the same area. */
  neighbours(props) {
    const index = this.site.pages.findIndex((page) => props.url === `guide/${page.slug}.html`);
    const at = (page, css) =>
      page ? this.link(this.relativeURL(`guide/${page.slug}.html`), page.title, false, css) : "<span></span>";
    return `<nav class="neighbours" aria-label="Neighbouring pages">${at(this.site.pages[index - 1], "before")}${at(this.site.pages[index + 1], "after")}</nav>`;
  }

  /** Link to the source pages, and drop the icons beside headings. */
  sourceLinks(html) {
    const plain = html
      .replaceAll("<pre>", '<pre tabindex="0">')
      .replaceAll(/<a [^>]*class="tsd-anchor-icon"[\s\S]*?<\/a>/g, "")
      .replaceAll(' class="tsd-anchor-link"', "");
    return plain.replaceAll(
      /href="https:\/\/source\.invalid\/([^"#]*)((?:#[^"]*)?)"(?: class="external")?(?: target="_blank")?/g,
      (_, named, hash) => {
        // Declarations of TypeScript and of other packages have no page here.
        if (named.includes("node_modules/")) return "";
        const path = existsSync(join(ROOT, named)) ? named : `src/${named}`;
        this.site.sources.add(path);
        return `href="${this.relativeURL(`source/${path}.html`)}${hash}"`;
      },
    );
  }
}

export class SiteTheme extends DefaultTheme {
  ContextClass = SiteContext;
}
