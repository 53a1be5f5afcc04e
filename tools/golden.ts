// `npm run golden -- DIR [--only GROUP,...] [--adapter NAME] [--default-limits] [--hardware]`: runs all fixtures of a
// directory.
// Exit code: 0 if all cases passed, 1 if any failed, 2 for wrong arguments.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { requestGpu } from "../src/gpu/index.ts";
import { installGpu } from "../src/node/dawn.ts";
import { allHandlers } from "./golden/handlers.ts";
import { asHardware } from "./golden/hardware.ts";
import { anyFailed, fileLine, problemLines, totalLine } from "./golden/report.ts";
import { type FileReport, runFixtures } from "./golden/runner.ts";
import { runSchedules } from "./golden/schedules.ts";
import { runZoo } from "./golden/zoo.ts";

function usage(problem: string): never {
  console.error(
    `golden: ${problem}\nusage: npm run golden -- DIR [--only GROUP,...] [--adapter NAME] [--default-limits] [--hardware]`,
  );
  process.exit(2);
}

function runJson(text: string, file: string): FileReport {
  const one = (status: "failed" | "unsupported", reason: string): FileReport => ({
    file,
    cases: [{ name: file, op: "", status, reason, worst: 0 }],
  });
  try {
    const json = JSON.parse(text) as object;
    if ("models" in json) return runZoo(json as Parameters<typeof runZoo>[0], file);
    if ("lr" in json || "threshold" in json) return runSchedules(json as Parameters<typeof runSchedules>[0], file);
    return one("unsupported", "neither schedules nor models");
  } catch (error) {
    return one("failed", error instanceof Error ? error.message : String(error));
  }
}

// --default-limits: run like the weakest browser, without subgroups and f16. --hardware: with the kernels of a GPU.
const options = {
  only: { type: "string" },
  adapter: { type: "string" },
  "default-limits": { type: "boolean" },
  hardware: { type: "boolean" },
} as const;
let parsed: ReturnType<typeof parseArgs<{ allowPositionals: true; options: typeof options }>>;
try {
  parsed = parseArgs({ allowPositionals: true, options });
} catch (error) {
  usage((error as Error).message);
}
const [folder, ...rest] = parsed.positionals;
if (!folder || rest.length > 0) usage(`expected one directory, got ${parsed.positionals.length}`);
let files: string[];
try {
  files = readdirSync(folder).filter((name) => /\.(safetensors|json)$/.test(name));
} catch (error) {
  usage(`cannot read ${folder}: ${(error as Error).message}`);
}
const only = parsed.values.only?.split(",");
const chosen = files.filter((name) => !only || only.includes(basename(name).replace(/\.\w+$/, ""))).sort();
if (chosen.length === 0) usage(`${folder} holds no fixtures${only ? ` of ${only.join(", ")}` : ""}`);

const gpu = await installGpu(parsed.values.adapter ? { adapter: parsed.values.adapter } : {})
  .then(() => requestGpu({ defaultLimits: parsed.values["default-limits"] ?? false }))
  .then((found) => (parsed.values.hardware ? asHardware(found) : found))
  .catch((error: Error) => usage(error.message));
console.log(`golden: ${folder} on ${gpu.adapter.description}${parsed.values.hardware ? ", kernels of a GPU" : ""}`);
const readFile = async (path: string) => new Uint8Array(readFileSync(join(folder, path)));
const reports: FileReport[] = [];
for (const file of chosen) {
  const path = join(folder, file);
  const report = file.endsWith(".json")
    ? runJson(readFileSync(path, "utf8"), file)
    : await runFixtures(new Uint8Array(readFileSync(path)), file, allHandlers, readFile);
  reports.push(report);
  console.log(fileLine(report));
}
for (const line of problemLines(reports)) console.log(line);
console.log(totalLine(reports));
gpu.destroy();
process.exit(anyFailed(reports) ? 1 : 0);
