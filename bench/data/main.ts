// `npm run bench:data`: measures the loaders without a GPU. `-- --md FILE` also writes a table.
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { poolThreads } from "../../src/images/sharp.ts";
import { runEnvironment, writeAtomic } from "../../src/node_internal.ts";
import type { HostFigure } from "../lib/case.ts";
import { threeDigits } from "../lib/rows.ts";
import { dataCases } from "./cases.ts";

/** Describe what the figures depend on. */
function machine(): string[] {
  const [cpu] = cpus();
  const { started, commit, node } = runEnvironment();
  const cores = `${cpus().length} cores (${cpu?.model.trim() ?? "unknown"})`;
  const busy = loadavg()[0]!.toFixed(1);
  return [
    `${cores}, ${poolThreads()} decoding threads; Node ${node}, libvips ${sharp.versions.vips}. No GPU.`,
    `Median of three epochs of 200 JPEGs of about 500x375 (quality 90), after one that does not count. Started ${started}${commit ? `, commit ${commit}` : ""}; load average ${busy} before.`,
  ];
}

const { values } = parseArgs({ options: { md: { type: "string" } } });
const about = machine();
for (const line of about) process.stdout.write(`${line}\n`);
const rows: { name: string; figure: HostFigure }[] = [];
for (const { name, measure } of dataCases) {
  process.stdout.write(`${name}\n`);
  for (const figure of await measure()) {
    rows.push({ name, figure });
    process.stdout.write(`  ${figure.name.padEnd(24)}${threeDigits(figure.value).padStart(8)} ${figure.unit}\n`);
  }
}
if (values.md !== undefined) {
  const table = rows.map(({ name, figure }) => `| ${name} | ${figure.name} | ${threeDigits(figure.value)} |`);
  const lines = [about.join("\n\n"), "", "| path | pass | images/s |", "| --- | --- | ---: |", ...table, ""];
  await writeAtomic(values.md, new TextEncoder().encode(lines.join("\n")));
}
