// Writes a page with the text of each source file that the site links to, one anchor per line.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./pages.ts";

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export function writeSourcePages(out, site) {
  for (const path of site.sources) {
    const up = "../".repeat(path.split("/").length);
    const lines = readFileSync(join(ROOT, path), "utf8").replace(/\n$/, "").split("\n");
    const code = lines.map(
      (line, i) => `<span id="L${i + 1}"><a href="#L${i + 1}">${i + 1}</a> ${escaped(line)}</span>`,
    );
    const html = `<!DOCTYPE html><html lang="en" data-base="${up}"><head><meta charset="utf-8"><title>${path} - Espalier</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="${up}assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${up}assets/style.css"><link rel="stylesheet" href="${up}assets/custom.css">
<script>document.documentElement.dataset.theme = localStorage.getItem("espalier-docs-theme") || "os";</script></head>
<body class="source"><header class="bar"><a class="brand" href="${up}index.html">${site.logo}<span>Espalier</span></a></header>
<main id="main"><h1>${path}</h1><pre>${code.join("\n")}</pre></main></body></html>`;
    const file = join(out, "source", `${path}.html`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, html);
  }
}
