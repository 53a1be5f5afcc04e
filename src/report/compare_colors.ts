// Colours of a comparison: a hue for each method, a shade of it for each run.
import type { ComparedRun } from "./compare_runs.ts";

/** The colours of Okabe and Ito, distinct for all colour vision; the light ones are darkened for thin lines on white. */
const HUES = ["#0072b2", "#d55e00", "#00785a", "#a5447e", "#8a6100", "#4d4d4d", "#3f97d1", "#7a3fb0"];
/** Dark violet to ochre in even steps of lightness: for runs of one method, by sparsity. */
const RAMP = ["#30125f", "#2c5d94", "#14867f", "#5c9a2c", "#c08a00"];

export const SYMBOLS = ["circle", "square", "triangle", "diamond2", "star", "wye", "cross", "hexagon"] as const;
export type SymbolName = (typeof SYMBOLS)[number];

export interface Palette {
  readonly methods: readonly string[];
  ofMethod(method: string): string;
  symbol(method: string): SymbolName;
  ofRun(run: ComparedRun): string;
}

const channels = (hex: string) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));

/** Mix two colours: `a` at t = 0, `b` at t = 1. */
export function mix(a: string, b: string, t: number): string {
  const [from, to] = [channels(a), channels(b)];
  const parts = from.map((v, i) => Math.round(v + (to[i]! - v) * t));
  return `#${parts.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

function shade(hue: string, share: number): string {
  // Lighten less than darken: the colours are used for text.
  return share < 0.5 ? mix(hue, "#ffffff", 0.5 * (0.5 - share)) : mix(hue, "#000000", 1.1 * (share - 0.5));
}

function ramp(share: number): string {
  const at = share * (RAMP.length - 1);
  const i = Math.min(RAMP.length - 2, Math.floor(at));
  return mix(RAMP[i]!, RAMP[i + 1]!, at - i);
}

/** Choose colours for runs: sparser runs of a method are darker; runs of a single method follow a ramp of hues. */
export function paletteFor(runs: readonly ComparedRun[]): Palette {
  const methods = [...new Set(runs.map((run) => run.method))];
  const hue = (method: string) => HUES[methods.indexOf(method) % HUES.length]!;
  const colors = new Map<ComparedRun, string>();
  for (const method of methods) {
    const own = runs.filter((run) => run.method === method).sort((a, b) => a.sparsity - b.sparsity);
    own.forEach((run, i) => {
      const share = own.length === 1 ? 0.5 : i / (own.length - 1);
      const alone = own.length === 1 ? hue(method) : shade(hue(method), share);
      colors.set(run, methods.length === 1 && own.length > 1 ? ramp(share) : alone);
    });
  }
  return {
    methods,
    ofMethod: (method) => (methods.length === 1 && runs.length > 1 ? "#8c959f" : hue(method)),
    symbol: (method) => SYMBOLS[methods.indexOf(method) % SYMBOLS.length]!,
    ofRun: (run) => colors.get(run)!,
  };
}
