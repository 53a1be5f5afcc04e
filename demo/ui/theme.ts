// Colours for canvases, read from CSS variables and again when they change; preference for reduced motion.
import { DARK, LIGHT, type Palette } from "./colors.ts";

interface Theme {
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly panel: string;
  readonly band: string;
  /** Colours of lane 0 and lane 1. */
  readonly lanes: readonly [string, string];
  readonly palette: Palette;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Return the computed colour of a variable: light-dark() is resolved only when a property uses it. */
function colorOf(probe: HTMLElement, name: string): string {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

function read(): Theme {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const color = (name: string) => colorOf(probe, name);
  const theme: Theme = {
    ink: color("--ink"),
    faint: color("--faint"),
    line: color("--line"),
    panel: color("--panel"),
    band: color("--band"),
    lanes: [color("--lane-0"), color("--lane-1")],
    palette: dark.matches ? DARK : LIGHT,
  };
  probe.remove();
  return theme;
}

let current: Theme | null = null;

export function theme(): Theme {
  current ??= read();
  return current;
}

/** Return false if the visitor prefers reduced motion. */
export const mayMove = (): boolean => !still.matches;

/** Call back after each change of colours. */
export function onThemeChange(call: () => void): void {
  dark.addEventListener("change", () => {
    current = null;
    call();
  });
}
