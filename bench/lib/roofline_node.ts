// Draws the roofline as a file, with a substitute for the page's document.
import { parseHTML } from "linkedom";
import type { Results } from "./results.ts";
import { drawRoofline } from "./roofline.ts";

/** Return SVG text. Errors: RangeError if no case has arithmetic. */
export function renderRooflineText(results: Pick<Results, "cases" | "gauge" | "adapter">): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  return `${drawRoofline(results, { document }).outerHTML}\n`;
}
