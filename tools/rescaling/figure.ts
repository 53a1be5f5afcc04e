// Draws the runs of the rescaled layer: its zeros, and the overlap of its mask with that of c = 1, against c.
import * as Plot from "@observablehq/plot";
import { AXIS_LINE, chart, GRID, renumber } from "../../src/report/chart.ts";
import { FAINT, type Figure, FONT, INK, rasterize, text } from "../../src/report/figure.ts";
import { type LayerRate, overlap, REGULARIZERS, type Regularizer, type Rescaled } from "./experiment.ts";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, HEAD] = [430, 330, 52, 16, 34, 52, 76] as const;
const LEGEND = 250;
const COLORS: Readonly<Record<Regularizer, string>> = { LTP: "#0072b2", L1: "#d55e00", L2: "#00785a" };
const ABOUT: Readonly<Record<Regularizer, string>> = {
  LTP: "LTP: thresholds and soft L0",
  L1: "L1 penalty, proximal steps",
  L2: "L2: decay, smallest 80 % cut",
};

interface Line {
  readonly method: Regularizer;
  readonly rate: LayerRate;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Return one line per method and learning rate of `value`, a share. */
function linesOf(runs: readonly Rescaled[], value: (run: Rescaled, one: Rescaled) => number): Line[] {
  const rates = [...new Set(runs.map(({ rate }) => rate))];
  return rates.flatMap((rate) =>
    REGULARIZERS.map((method) => {
      const own = runs.filter((r) => r.rate === rate && r.method === method).sort((a, b) => a.c - b.c);
      const one = own.find((r) => r.c === 1)!;
      return { method, rate, points: own.map((r) => ({ x: Math.log2(r.c), y: value(r, one) })) };
    }),
  );
}

function panel(title: string, lines: readonly Line[]): string {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const nameOf = (x: number) => (x < 0 ? `1/${2 ** -x}` : String(2 ** x));
  return chart(
    {
      width: WIDTH,
      height: HEIGHT,
      marginLeft: LEFT,
      marginRight: RIGHT,
      marginTop: TOP,
      marginBottom: BOTTOM,
      x: { domain: [xs[0]! - 0.15, xs.at(-1)! + 0.15], axis: null, label: null },
      y: { domain: [0, 1.02], axis: null, label: null },
      marks: [
        Plot.gridY(ticks, { stroke: GRID, strokeOpacity: 1 }),
        Plot.axisY({ ticks, tickFormat: (v: number) => `${Math.round(100 * v)} %`, tickSize: 0, fontSize: 12 }),
        Plot.axisX({ ticks: xs, tickFormat: nameOf, tickSize: 4, fontSize: 12 }),
        Plot.ruleY([0], { stroke: AXIS_LINE }),
        ...lines.flatMap(({ method, rate, points }) => {
          const stroke = COLORS[method];
          const dashed = rate === "c²" ? {} : { strokeDasharray: "5,4", strokeOpacity: 0.75 };
          return [
            Plot.line(points, { x: "x", y: "y", stroke, strokeWidth: 2, ...dashed }),
            Plot.dot(points, { x: "x", y: "y", fill: rate === "c²" ? stroke : "#ffffff", stroke, r: 3.2 }),
          ];
        }),
      ],
    },
    title,
    () =>
      text(LEFT, 18, title, `font-size="13" font-weight="bold"`) +
      text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "c, the factor of the layer's weights", `text-anchor="middle"`),
  );
}

function legend(rates: readonly LayerRate[]): string {
  const rows = rates.flatMap((rate) => REGULARIZERS.map((method) => ({ rate, method })));
  return rows
    .map(({ rate, method }, i) => {
      const y = 20 * i + 26 * rates.indexOf(rate) + 26;
      const dash = rate === "c²" ? "" : ` stroke-dasharray="5,4"`;
      const line = `<path d="M0,${y - 4}L26,${y - 4}" stroke="${COLORS[method]}" stroke-width="2"${dash}/>`;
      const head = rate === "c²" ? "learning rate of the layer · c²" : "the same learning rate";
      const title = method === REGULARIZERS[0] ? text(0, y - 20, head, `fill="${FAINT}"`) : "";
      return title + line + text(34, y, ABOUT[method], `fill="${COLORS[method]}"`);
    })
    .join("");
}

/** Draw both panels. `note` describes the measurement. */
export function rescalingFigure(runs: readonly Rescaled[], note: string): Figure {
  const rates = [...new Set(runs.map(({ rate }) => rate))];
  const [width, height] = [2 * WIDTH + LEGEND, HEAD + HEIGHT];
  const panels = [
    panel(
      "zeros of the layer",
      linesOf(runs, (run) => run.zeros),
    ),
    panel("overlap (IoU) of its mask with that of c = 1", linesOf(runs, overlap)),
  ];
  const title = "A convolution before batch norm, multiplied by c, then pruned";
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="${FONT}" font-size="12" fill="${INK}" color="${INK}" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 30, title, `font-size="17" font-weight="bold"`),
    text(LEFT, 52, note, `font-size="12.5" fill="${FAINT}"`),
    renumber(panels.map((svg, i) => `<g transform="translate(${i * WIDTH},${HEAD})">${svg}</g>`).join("")),
    `<g transform="translate(${2 * WIDTH + 8},${HEAD + TOP})">${legend(rates)}</g>`,
    "</svg>",
  ].join("");
  return { svg, png: () => rasterize(svg) };
}
