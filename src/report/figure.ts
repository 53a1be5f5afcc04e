// The parts that all figures share: colours, fonts, text, the page around the panels, and PNG from SVG.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../node/env.ts";
import { importPackage } from "../node/packages.ts";
import { printable } from "../terminal/terminal.ts";

export interface Figure {
  /** The figure as SVG text, FIGURE_WIDTH units wide. */
  readonly svg: string;
  /** The same as PNG, twice that many pixels wide. Rendered when called. */
  png(): Promise<Uint8Array>;
}

export const FIGURE_WIDTH = 800;
export const INK = "#1f2328";
export const FAINT = "#6e7781";
export const FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

const FACE = "DejaVuSans.ttf";

/** Return the file of the one font face: of this package, or in a checkout of the package it is taken from. */
function fontFile(): string {
  const own = join(packageRoot(import.meta.url), "fonts", FACE);
  if (existsSync(own)) return own;
  return join(dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf", FACE);
}

/** Render SVG text as PNG, with two pixels per unit. Errors: PackageError if the renderer is missing. */
export async function rasterize(svg: string): Promise<Uint8Array> {
  const { Resvg } = await importPackage("@resvg/resvg-js", "figures as PNG need", () => import("@resvg/resvg-js"));
  // A machine may have no fonts, and then no text would appear.
  const font = {
    loadSystemFonts: false,
    fontFiles: [fontFile()],
    defaultFontFamily: "DejaVu Sans",
    sansSerifFamily: "DejaVu Sans",
  };
  return new Resvg(svg, { fitTo: { mode: "zoom", value: 2 }, background: "#ffffff", font }).render().asPng();
}

interface FigurePage {
  readonly title: string;
  readonly subtitle: string;
  readonly subtitleFill?: string;
  /** Left edge of title and subtitle. */
  readonly left: number;
  readonly height: number;
  /** SVG text of the panels. */
  readonly body: readonly string[];
}

/** Put the title and the subtitle above panels, on a white page. */
export function figureOf({ title, subtitle, subtitleFill = FAINT, left, height, body }: FigurePage): Figure {
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${FIGURE_WIDTH} ${height}" width="${FIGURE_WIDTH}" height="${height}"`,
    ` font-family="${FONT}" font-size="12" fill="${INK}" color="${INK}">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${FIGURE_WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(left, 30, title, `font-size="18" font-weight="bold"`),
    text(left, 51, subtitle, `font-size="12.5" fill="${subtitleFill}"`),
    ...body,
    "</svg>",
  ].join("");
  return { svg, png: () => rasterize(svg) };
}

/** Write the title of a panel, followed by a note. */
export function heading(x: number, y: number, title: string, note: string): string {
  const bold = `<tspan font-weight="bold" font-size="13.5">${escapeXml(title)}</tspan>`;
  return `<text x="${x}" y="${y}">${bold}<tspan dx="8" fill="${FAINT}">${escapeXml(note)}</tspan></text>`;
}

export function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`;
}

export function escapeXml(content: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return printable(content).replaceAll(/[&<>"]/g, (c) => entities[c]!);
}
