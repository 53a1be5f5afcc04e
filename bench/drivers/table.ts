// The results of `npm run bench:drivers`: the best of the rounds of each run, and the table of them.
import { LENET, RESNET } from "../cases/steps.ts";

export const MODELS = [LENET, RESNET];

/** Measurements of one process (side.ts). */
export interface SideResult {
  readonly device: string;
  readonly description: string;
  /** Duration and processor time of the first step, with the compilation of its kernels. */
  readonly firstMs: number;
  readonly firstCpuMs: number;
  /** Processor time and duration of a later step. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Code of a checkout on a driver, and its rounds of each model. */
export interface Run {
  /** Name of the checkout and of the driver. */
  readonly name: string;
  readonly rounds: Readonly<Record<string, SideResult[]>>;
}

/** Return the first step of the first round, whose shader cache is empty, and the least times of all rounds. */
export function best(rounds: readonly SideResult[]) {
  const least = (key: "cpuMs" | "wallMs") => Math.min(...rounds.map((round) => round[key]));
  const { firstMs, firstCpuMs } = rounds[0]!;
  return { coldMs: firstMs, coldCpuMs: firstCpuMs, cpuMs: least("cpuMs"), wallMs: least("wallMs") };
}

const digits = (ms: number) => ms.toPrecision(3);

/** Return the rows of the table: each run against the first one. */
export function rowsOf(runs: readonly Run[]): string[][] {
  return MODELS.flatMap(({ model, batch }) => {
    const first = best(runs[0]!.rounds[model]!).cpuMs;
    return runs.map(({ name, rounds }) => {
      const { coldMs, coldCpuMs, cpuMs, wallMs } = best(rounds[model]!);
      const { description, device } = rounds[model]![0]!;
      const bits = /(\d+)[ -]bits/.exec(device)?.[1];
      return [
        `${model} batch ${batch}`,
        name,
        `${description}${bits === undefined ? "" : `, ${bits} bits`}`,
        digits(cpuMs),
        digits(wallMs),
        `${(first / cpuMs).toFixed(2)}x`,
        (coldCpuMs / 1000).toFixed(1),
        (coldMs / 1000).toFixed(1),
      ];
    });
  });
}

const HEAD = ["step", "code, driver", "adapter", "CPU ms", "wall ms", "vs first (CPU)", "cold step, CPU s", "wall s"];

/** Write the table as Markdown. */
export function driversMarkdown(runs: readonly Run[], about: string): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const body = rowsOf(runs).map(line);
  return [about, "", line(HEAD), line(HEAD.map((_, i) => (i < 3 ? "---" : "---:"))), ...body, ""].join("\n");
}
