// The frame of a self-contained HTML page: a title, a style sheet, a body.
import { escapeXml } from "./figure.ts";

/** Write a page without scripts. `title` is its name and its heading; `style` is CSS, `body` is HTML below the heading. */
export function htmlPage(title: string, style: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${style}
</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
${body}
</body>
</html>
`;
}
