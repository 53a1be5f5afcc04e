// Shortens source maps: they are half of a package otherwise, and no page loads them.
import { decode, encode } from "@jridgewell/sourcemap-codec";
import { parseSync } from "vite";

/** Blank the comments of a script. Lines and columns of the code stay. */
export function withoutComments(code: string): string {
  let rest = code;
  for (const { start, end } of parseSync("module.ts", code).comments)
    rest = rest.slice(0, start) + rest.slice(start, end).replace(/[^\n]/g, " ") + rest.slice(end);
  return rest.replace(/ +$/gm, "");
}

/** Return the text of a map without the comments of its sources, which the declarations have, and with one position per line. */
export function shortenMap(text: string): string {
  const { names: _, ...map } = JSON.parse(text) as { mappings: string; sourcesContent: string[]; names: string[] };
  // A position may name an identifier, too: that is left out with the names.
  const lines = decode(map.mappings).map((line) =>
    line.slice(0, 1).map((position) => position.slice(0, 4) as [number, number, number, number]),
  );
  return JSON.stringify({
    ...map,
    names: [],
    sourcesContent: map.sourcesContent.map(withoutComments),
    mappings: encode(lines),
  });
}
