// Child process of `bench:isa`: finds the shaders of the steps with a device that runs nothing, compiles them on a GPU that
// only compiles, and writes their WGSL.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { noGrad } from "../../src/autograd/index.ts";
import {
  currentGpu,
  type Gpu,
  kernel,
  openDryGpu,
  requestGpu,
  setCurrentGpu,
  type Tuner,
} from "../../src/gpu/index.ts";
import { installGpu } from "../../src/node_internal.ts";
import { Scope, zeros } from "../../src/tensor/index.ts";
import { benchNet, Training, type TrainingOptions } from "../cases/training.ts";
import {
  type ChildOrder,
  type ChildReport,
  type CompiledShader,
  matchesFilters,
  type Precision,
  STEPS,
} from "./steps.ts";

type DryGpu = ReturnType<typeof openDryGpu>;

const order = JSON.parse(process.argv[2]!) as ChildOrder;
const shaders = new Map<string, CompiledShader>();
const failures: string[] = [];

async function train(options: TrainingOptions, precision: Precision): Promise<void> {
  const training = new Training({ ...options, precision, replay: false });
  training.run();
  await currentGpu().wait();
  training.dispose();
}

async function infer({ model: name, batch, channels, size }: TrainingOptions, precision: Precision): Promise<void> {
  using _scope = new Scope();
  const model = benchNet(name, { channels, size, classes: 10 });
  model.eval();
  noGrad(() => model.forward(zeros([batch, channels, size, size], precision)));
  await currentGpu().wait();
  model.dispose();
}

const noteFailure = (name: string, cause: unknown) =>
  failures.push(`${name}: ${(cause as Error).message.split("\n")[0]}`);

/** Candidates of one choice at most. */
const MOST_CANDIDATES = 12;

/** Return a tuner that chooses the candidate of a number, or the last one. */
function fixedTuner(number: number): Pick<Tuner, "active" | "pick"> {
  return {
    active: true,
    pick: (choice) => {
      const candidates = [choice.rule(), ...choice.others()];
      return candidates[Math.min(number, candidates.length - 1)]!;
    },
  };
}

/** Run a step on a device without memory, and record the text of each shader that it would compile. */
async function record(step: string, { adapter }: Gpu, work: () => Promise<void>): Promise<void> {
  for (let candidate = 0; candidate < (order.tune ? MOST_CANDIDATES : 1); candidate++) {
    const before = shaders.size;
    await recordOnce(step, openDryGpu(adapter), candidate, work);
    if (candidate > 0 && shaders.size === before) return;
  }
}

async function recordOnce(step: string, dry: DryGpu, candidate: number, work: () => Promise<void>): Promise<void> {
  dry.gpu.device.createShaderModule = ({ label = "", code }) => {
    const steps = shaders.get(label)?.steps ?? [];
    shaders.set(label, { label, code, steps: steps.includes(step) ? steps : [...steps, step] });
    return {} as GPUShaderModule;
  };
  if (order.tune) Object.assign(dry.gpu, { tuner: fixedTuner(candidate) });
  setCurrentGpu(dry.gpu);
  try {
    await work();
  } catch (cause) {
    noteFailure(step, cause);
  } finally {
    dry.gpu.destroy();
    dry.release();
  }
}

async function recordSteps(gpu: Gpu, precision: Precision): Promise<void> {
  for (const options of STEPS.filter(({ model }) => order.models.includes(model))) {
    await record(`${options.model} training ${precision}`, gpu, () => train(options, precision));
    await record(`${options.model} inference ${precision}`, gpu, () => infer(options, precision));
  }
}

/** Record one shader file with each of its values. */
async function recordFile({ file, specs }: NonNullable<ChildOrder["shader"]>): Promise<void> {
  const { default: text } = (await import(pathToFileURL(file).href)) as { default: string };
  const name = file.replace(/^.*\//, "").replace(/\.wgsl$/, "");
  for (const spec of specs) {
    const keys = Object.keys(spec).sort();
    const label = [name, keys.map((key) => `${key}=${spec[key]};`).join("")].filter(Boolean).join(" ");
    try {
      shaders.set(label, { label, code: kernel(name, text).source(spec), steps: [] });
    } catch (cause) {
      noteFailure(label, cause);
    }
  }
}

async function compile(device: GPUDevice, { label, code }: CompiledShader): Promise<void> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label, code });
  device.createComputePipeline({ label, layout: "auto", compute: { module } });
  const error = await device.popErrorScope();
  if (error) noteFailure(label, error);
}

await installGpu({ toggles: ["use_user_defined_labels_in_backend", "allow_unsafe_apis"] });
const gpu = await requestGpu({ tune: "off", tuneStore: null });
if (order.shader) await recordFile(order.shader);
else for (const precision of order.precisions) await recordSteps(gpu, precision);
const wanted = [...shaders.values()].filter(({ label }) => matchesFilters(label, order.filters));
for (const shader of wanted) await compile(gpu.device, shader);
const { vendor, architecture, description } = gpu.adapter;
const report: ChildReport = {
  adapter: [vendor, architecture, description].filter(Boolean).join(" "),
  shaders: wanted,
  failures,
};
writeFileSync(order.out, JSON.stringify(report));
// Dawn keeps the process alive.
process.exit(0);
