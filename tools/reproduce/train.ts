// Trains one task after another in one process: data and GPU are opened once, each run has its own session.
import {
  BatchNorm2d,
  deadText,
  type EpochRecord,
  Evaluator,
  firstOfEachClass,
  type Gpu,
  isStreamed,
  type LabelledImages,
  measureActivity,
  pruningReport,
  RandomState,
  type Session,
  type StepRecord,
  testBatchesOf,
} from "../../src/internal.ts";
import { openGpu } from "../../src/node/adapter.ts";
import { drawn } from "../../src/prune/methods/random.ts";
import { loadLabelled } from "../../src/recipe/datasets.ts";
import { type Recipe, resolveRecipe } from "../../src/recipe/recipe.ts";
import { buildSession } from "../../src/recipe/session.ts";
import { forEncoder, timeStepsOf } from "../../src/recipe/spiking.ts";
import type { Splits } from "../../src/recipe/splits.ts";
import { openWeightsFile, putWeights, takeFitting } from "../../src/run/weights_in.ts";
import type { ResultLine } from "./lines.ts";
import type { Outcome, Train } from "./loop.ts";
import { type Task, withFiles } from "./plan.ts";

/** Test images per class for the test that training makes after each epoch. Results are measured on all images. */
const GLANCE = 10;
const TEST_BATCH = 500;
/** Test samples whose spikes are counted. */
const ACTIVITY_SAMPLES = 256;
const ACTIVITY_BATCH = 64;
/** Most records of a trace that a line keeps. */
const TRACE = 24;

interface TrainerOptions {
  /** Part of the adapter's name. */
  readonly adapter?: string | undefined;
  /** Files and folders by the $NAME that recipes give. */
  readonly files: Readonly<Record<string, string>>;
}

interface Trainer {
  readonly gpu: Gpu;
  readonly train: Train;
  close(): Promise<void>;
}

/** Open the GPU. Data sets are read at first use, and kept. */
export async function openTrainer({ adapter, files }: TrainerOptions): Promise<Trainer> {
  const gpu = await openGpu(adapter === undefined ? {} : { adapter });
  const sets = new Map<string, Promise<Splits<LabelledImages>>>();
  const train: Train = async (task) => {
    const recipe = resolveRecipe({ flags: withFiles(task.recipe, files) });
    const settings = { ...recipe.data, augment: recipe.augment };
    const key = JSON.stringify([settings, timeStepsOf(recipe.model, recipe.data.name)]);
    const loading = sets.get(key) ?? loadLabelled(settings, timeStepsOf(recipe.model, recipe.data.name));
    sets.set(key, loading);
    return trainTask(task, recipe, await loading);
  };
  const close = async () => {
    for (const splits of sets.values()) await (await splits).close();
  };
  return { gpu, train, close };
}

/** Error of a run whose network has lost all paths. */
class DeadNetworkError extends Error {
  override readonly name = "DeadNetworkError";
}

/** Everything that measures a run. */
interface Bench {
  readonly task: Task;
  readonly recipe: Recipe;
  readonly session: Session;
  readonly evaluator: Evaluator;
  readonly random: RandomState;
  readonly test: LabelledImages;
}

async function trainTask(task: Task, recipe: Recipe, splits: Splits<LabelledImages>): Promise<Outcome> {
  const started = performance.now();
  const random = new RandomState(recipe.seed);
  const glance = isStreamed(splits.test) ? splits.test : firstOfEachClass(splits.test as never, GLANCE);
  const session = buildSession(recipe, { ...splits, test: glance }, random);
  const test = forEncoder(splits.test, recipe.model.encoder);
  const evaluator = new Evaluator(session.model, { sample: test.shape, random, scale: test });
  const bench: Bench = { task, recipe, session, evaluator, random, test };
  try {
    if (recipe.weights) await loadWeights(session, recipe.weights);
    if (task.shuffle) await shuffleMasks(session, task.shuffle, recipe.seed);
    const trace: StepRecord[] = [];
    const epochs: NonNullable<ResultLine["epochs"]> = [];
    const { reason, deadLayers } = await session.fit({
      async onRecord(record) {
        if (record.kind === "step") trace.push(record);
        else if (task.measure.includes("epochs")) epochs.push(await testedEpoch(bench, record));
      },
    });
    if (reason === "dead") throw new DeadNetworkError(deadText(deadLayers));
    const outcome = await measured(bench);
    const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
    return { ...outcome, trace: traceOf(trace), ...(epochs.length > 0 ? { epochs } : {}), seconds };
  } finally {
    evaluator.dispose();
    session.dispose();
  }
}

const round = (x: number, digits = 6) => Number(x.toPrecision(digits));

const hasBatchNorm = ({ model }: Session): boolean =>
  [...model.namedModules()].some(([, layer]) => layer instanceof BatchNorm2d);

/** Test with the statistics of training, then with re-estimated ones; null for a network without batch norm. */
async function testBoth({ task, session, evaluator, test }: Bench) {
  const run = () => evaluator.run(testBatchesOf(test, TEST_BATCH));
  return session.optimizer.hardened(async () => {
    const raw = await run();
    const again = hasBatchNorm(session) ? await session.recalibrated(run, task.recalibrate) : null;
    return { accuracy: raw.accuracy, loss: round(raw.loss), recalibrated: again?.accuracy ?? null };
  });
}

async function testedEpoch(bench: Bench, { epoch, sparsity }: EpochRecord) {
  const { accuracy, recalibrated } = await testBoth(bench);
  return { epoch, accuracy, recalibrated, sparsity: round(sparsity, 7) };
}

/** Measure the trained network. */
async function measured(bench: Bench): Promise<Omit<Outcome, "seconds">> {
  const { session, task, test, random } = bench;
  const { totalSteps, method } = session;
  const tested = await testBoth(bench);
  const layers = await session.layers();
  const { macs, sparseMacs } = pruningReport(session.model, session.sample, layers);
  const threshold = method.thresholdAt(totalSteps) ?? (await method.readThreshold?.(totalSteps)) ?? null;
  const all = layers.reduce((sum, layer) => sum + layer.weights, 0);
  const shares = layers.map(({ name, zeros, weights }) => [name, Number((zeros / weights).toFixed(5))]);
  let activity: { readonly activity?: ResultLine["activity"] } = {};
  if (task.measure.includes("activity")) {
    session.optimizer.harden();
    random.setStep(2 ** 31);
    const options = { sample: test.shape, scale: test, limit: ACTIVITY_SAMPLES };
    const { total } = await measureActivity(session.model, testBatchesOf(test, ACTIVITY_BATCH), options);
    const { rate } = total;
    const [work, synOps, energy] = [round(total.macs), round(total.synOps), round(total.energy)];
    activity = { activity: { macs: work, synOps, energy, rate: rate === null ? null : round(rate) } };
  }
  return {
    ...tested,
    sparsity: round(layers.reduce((sum, layer) => sum + layer.zeros, 0) / all, 7),
    macs,
    sparseMacs: Math.round(sparseMacs),
    layers: Object.fromEntries(shares) as Record<string, number>,
    threshold: threshold === null ? null : round(threshold),
    ...activity,
  };
}

/** Return at most TRACE records in equal distances, the last one included. */
function traceOf(records: readonly StepRecord[]): NonNullable<ResultLine["trace"]> {
  const every = Math.max(1, Math.ceil(records.length / TRACE));
  return records
    .filter((_, i) => (records.length - 1 - i) % every === 0)
    .map(({ epoch, lambda, lambdaTotal, threshold, sparsity }) => {
      const finite = (x: number) => (Number.isFinite(x) ? round(x, 4) : 0);
      return [round(epoch, 4), finite(lambda), finite(lambdaTotal), finite(threshold), round(sparsity, 5)];
    });
}

/** Load the weights of a file of any known program. Errors: UsageError naming the file. */
async function loadWeights(session: Session, file: string): Promise<void> {
  const opened = await openWeightsFile(file);
  putWeights(
    session.model,
    takeFitting(opened, {}, () => session.model),
    file,
  );
}

/** Set random weights of each layer to zero: the same share as in another run's masks, in other places. */
async function shuffleMasks(session: Session, shares: Readonly<Record<string, number>>, seed: number): Promise<void> {
  const state = await session.model.stateDict();
  for (const [at, [name, share]] of Object.entries(shares).entries()) {
    const w = state.get(name)!.data as Float32Array;
    for (const i of drawn(w.length, Math.round(share * w.length), seed, at)) w[i] = 0;
  }
  session.model.loadStateDict(state);
}
