// The roofline picture as a file: the same drawing on a document that stands in for a page's.
import { parseHTML } from "linkedom";
import type { Results } from "./results.ts";
import { drawRoofline } from "./roofline.ts";

/** SVG text. Errors: RangeError when no case has arithmetic. */
export function renderRooflineText(results: Pick<Results, "cases" | "gauge" | "adapter">): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  return `${drawRoofline(results, { document }).outerHTML}\n`;
}
