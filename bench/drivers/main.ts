// `npm run bench:drivers`: the training steps of two networks on the software drivers of this machine, in this checkout and in
// others. Each measurement is a process; the processes of one round alternate.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { vectorWidth } from "../../src/node/driver_env.ts";
import { mesaLatest } from "../../src/node/mesa_latest.ts";
import { mesaVersionOf } from "../../src/node/mesa_version.ts";
import { gitCommit, writeAtomic } from "../../src/node_internal.ts";
import type { TrainingOptions } from "../cases/training.ts";
import { best, driversMarkdown, MODELS, type Run, type SideResult } from "./table.ts";

const here = fileURLToPath(new URL("../..", import.meta.url));

/** A way to start Node on a driver. */
interface Driver {
  readonly name: string;
  readonly node: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Return the drivers: the one that a program gets by itself, and mesa-latest if it is set up. */
function drivers(): Driver[] {
  const usual: Driver = { name: "default driver", node: process.execPath, env: {} };
  const latest = mesaLatest();
  if (latest === null) return [usual];
  // Given by Vulkan's variables, so that the code of other commits uses the driver too.
  const manifest = join(latest.folder, "icd.json");
  const width = vectorWidth(mesaVersionOf(join(latest.folder, "libvulkan_lvp.so")));
  const env = {
    ESPALIER_NODE: process.execPath,
    VK_DRIVER_FILES: manifest,
    VK_ICD_FILENAMES: manifest,
    ...(width === undefined ? {} : { LP_NATIVE_VECTOR_WIDTH: width }),
  };
  return [usual, { name: "mesa-latest", node: latest.node, env }];
}

/** Measure one model in a process. Errors: an Error with the last lines of its stderr. */
async function measure(driver: Driver, root: string, shaders: string, options: TrainingOptions): Promise<SideResult> {
  const { model, batch, channels, size } = options;
  const flags = Object.entries({ root, model, batch, channels, size, steps: model.startsWith("lenet") ? 60 : 12 });
  const args = [
    ...["--import", "tsx", "--import", "./tools/wgsl_node.mjs"],
    join(here, "bench", "drivers", "side.ts"),
    ...flags.flatMap(([name, value]) => [`--${name}`, String(value)]),
  ];
  const env = { ...process.env, ESPALIER_SOFTWARE_NOTED: "1", MESA_SHADER_CACHE_DIR: shaders, ...driver.env };
  const child = spawn(driver.node, args, { cwd: root, env });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err = (err + chunk).slice(-600);
  });
  const code = await new Promise<number | null>((done, reject) => {
    child.on("error", reject);
    child.on("close", done);
  });
  if (code !== 0) throw new Error(`${driver.name} in ${root} ended with code ${code}: ${err.trim()}`);
  return JSON.parse(out) as SideResult;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1)) throw new InvalidArgumentError("expected an integer >= 1");
  return value;
};

const flags = new Command("bench:drivers")
  .description("Times training steps on the default driver and on mesa-latest, by the processor time that they take.")
  .option("--base <dir>", "checkout of another commit, whose default driver is the first row")
  .option("--rounds <n>", "rounds of alternating processes", count, 5)
  .option("--md <file>", "write the table as Markdown")
  .option("--json <file>", "write all measurements")
  .parse()
  .opts<{ base?: string; rounds: number; md?: string; json?: string }>();

const shaders = await mkdtemp(join(tmpdir(), "espalier-drivers-"));
try {
  const checkouts = flags.base === undefined ? [here] : [resolve(flags.base), here];
  const places = checkouts.flatMap((root) => drivers().map((driver) => ({ root, driver })));
  const runs: Run[] = places.map(({ root, driver }) => ({
    name: `${gitCommit(root)?.slice(0, 7) ?? root}, ${driver.name}`,
    rounds: Object.fromEntries(MODELS.map(({ model }) => [model, []])),
  }));
  for (let round = 0; round < flags.rounds; round++)
    for (const options of MODELS)
      for (const [i, { root, driver }] of places.entries()) {
        const result = await measure(driver, root, join(shaders, String(i)), options);
        const { name, rounds } = runs[i]!;
        rounds[options.model]!.push(result);
        const { cpuMs, wallMs, coldMs } = best(rounds[options.model]!);
        process.stdout.write(
          `${round + 1} ${options.model.padEnd(9)} ${name}: ${result.cpuMs.toFixed(1)} ms, best ${cpuMs.toFixed(1)} (wall ${wallMs.toFixed(1)}), cold ${coldMs.toFixed(0)}\n`,
        );
      }
  const about = `Training steps by processor time: the least of ${flags.rounds} rounds of alternating processes, ${availableParallelism()} cores. Cold: the first step of a process with an empty shader cache. ${new Date().toISOString()}.`;
  const table = driversMarkdown(runs, about);
  process.stdout.write(`\n${table}`);
  if (flags.md !== undefined) await writeAtomic(flags.md, new TextEncoder().encode(table));
  if (flags.json !== undefined) await writeAtomic(flags.json, new TextEncoder().encode(JSON.stringify(runs, null, 1)));
} finally {
  await rm(shaders, { recursive: true, force: true });
}
