// The axis below a histogram of weights, from -end to end.
import type { Sheet } from "./canvas.ts";
import { short } from "./numbers.ts";
import { theme } from "./theme.ts";

/** Height of the axis and its labels, in CSS pixels. */
export const AXIS_HEIGHT = 22;

/** Draw the axis at the bottom of a sheet; `middle`: label below 0. */
export function drawValueAxis({ context, width, height }: Sheet, end: number, middle: string): void {
  const { faint, line } = theme();
  context.fillStyle = line;
  context.fillRect(0, height - AXIS_HEIGHT, width, 1);
  context.fillStyle = faint;
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "bottom";
  const labels: [CanvasTextAlign, number, string][] = [
    ["left", 0, short(-end).replace("-", "−")],
    ["center", width / 2, middle],
    ["right", width, short(end)],
  ];
  for (const [align, x, text] of labels) {
    context.textAlign = align;
    context.fillText(text, x, height - 2);
  }
}
