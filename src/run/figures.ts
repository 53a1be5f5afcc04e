// Writes the figures of a run as SVG and as PNG, as far as the packages that draw them are installed.
import { importPackage } from "../node/packages.ts";
import type { RunDirectory } from "../node_internal.ts";
import type { Figure } from "../report/figure.ts";
import type { Output } from "../terminal/output.ts";
import { makeIfInstalled } from "./optional_part.ts";

interface FigurePlace {
  readonly directory: RunDirectory;
  readonly out: Output;
  /** Path in the folder, without an ending. */
  readonly name: string;
}

/** Files of a figure; a file is absent if a package is missing. */
export interface FigureFiles {
  /** Path of the SVG file, or null. */
  readonly svg: string | null;
  /** Content of the PNG file, or null. */
  readonly png: Uint8Array | null;
}

/** The files of a figure that is not drawn. */
export const NO_FIGURE: FigureFiles = { svg: null, png: null };

/**
 * Draw a figure and write its files. `load` imports the module that draws it, and with it the chart libraries, which take
 * longer to load than everything else. If a package is missing, prints what to install and leaves out the files.
 */
export async function writeFigure<M>(
  { directory, out, name }: FigurePlace,
  load: () => Promise<M>,
  draw: (module: M) => Figure,
): Promise<FigureFiles> {
  const module = await makeIfInstalled(out, () => importPackage("@observablehq/plot", "figures need", load));
  if (module === null) return NO_FIGURE;
  const figure = draw(module);
  await directory.write(`${name}.svg`, figure.svg);
  const png = await makeIfInstalled(out, () => figure.png());
  if (png) await directory.write(`${name}.png`, png);
  return { svg: directory.path(`${name}.svg`), png };
}

/** Return the line that lists the files of a figure; no line without files. */
export const figureLines = (label: string, { svg, png }: FigureFiles): string[] =>
  svg === null ? [] : [`${label.padEnd(15)}${svg}${png ? "  (and .png)" : ""}`];
