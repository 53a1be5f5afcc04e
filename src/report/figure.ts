// What all figures of a run share: colours, fonts, text, and pixels made of SVG.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Resvg } from "@resvg/resvg-js";
import { printable } from "../terminal/terminal.ts";

export interface Figure {
  /** The figure as SVG text, FIGURE_WIDTH units wide. */
  readonly svg: string;
  /** The same as PNG, twice that many pixels wide. Rendered when called. */
  png(): Uint8Array;
}

export const FIGURE_WIDTH = 800;
export const INK = "#1f2328";
export const FAINT = "#6e7781";
export const FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/** PNG of an SVG text, two pixels a unit. */
export function rasterize(svg: string): Uint8Array {
  // A machine without fonts would draw no text: these come with a package.
  const folder = join(dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf");
  const fontFiles = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) => join(folder, name));
  const font = { loadSystemFonts: false, fontFiles, defaultFontFamily: "DejaVu Sans", sansSerifFamily: "DejaVu Sans" };
  return new Resvg(svg, { fitTo: { mode: "zoom", value: 2 }, background: "#ffffff", font }).render().asPng();
}

export function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`;
}

export function escapeXml(content: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return printable(content).replaceAll(/[&<>"]/g, (c) => entities[c]!);
}
