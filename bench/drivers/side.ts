// Times the training steps of one model in the code of a checkout, which `--root` names. Prints one line of JSON.
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    root: { type: "string" },
    model: { type: "string" },
    batch: { type: "string" },
    channels: { type: "string" },
    size: { type: "string" },
    steps: { type: "string" },
  },
});

/** Return a module of the checkout to measure, which may be of another commit than this file. */
const from = (path: string) => import(new URL(path, `file://${values.root}/`).href);

const [{ installGpu }, { requestGpu }, { Training }] = await Promise.all([
  from("src/node/dawn.ts"),
  from("src/gpu/index.ts"),
  from("bench/cases/training.ts"),
]);
await installGpu();
const gpu = await requestGpu();
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const [began, usedBefore] = [performance.now(), used()];
const training = new Training({
  model: values.model,
  batch: Number(values.batch),
  channels: Number(values.channels),
  size: Number(values.size),
});
await training.time(1);
const [firstMs, firstCpuMs] = [performance.now() - began, used() - usedBefore];
await training.time(1);
let [cpuMs, wallMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
for (let i = 0; i < Number(values.steps); i++) {
  const before = used();
  wallMs = Math.min(wallMs, await training.time(1));
  cpuMs = Math.min(cpuMs, used() - before);
}
const loss: number = await training.loss();
const { device, description } = gpu.adapter;
process.stdout.write(`${JSON.stringify({ device, description, firstMs, firstCpuMs, cpuMs, wallMs, loss })}\n`, () =>
  process.exit(0),
);
