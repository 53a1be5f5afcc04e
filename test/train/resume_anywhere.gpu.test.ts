// A run that is stopped at any step and resumed leaves the records and the bits of one that never stopped.
import { expect, test } from "vitest";
import { parseSafetensors, writeSafetensors } from "../../src/io/index.ts";
import { manualSeed } from "../../src/nn/index.ts";
import { type RunConfig, type RunPosition, type RunRecord, Session } from "../../src/train/index.ts";
import { fakeStream } from "../support/fake_stream.ts";
import { squares } from "../support/shapes.ts";
import {
  differing,
  finish,
  type Saved,
  type TinyMore,
  type TinyPrune,
  tinyConfig,
  tinyModel,
  tinySession,
} from "../support/tiny_session.ts";

const data = { train: squares(72, 8, 1), test: squares(60, 8, 9) };
/** Records at steps 3 and 5 of each epoch: most stops are within a stretch. */
const often: TinyMore = { epochs: 2, logEvery: 3 };

const timeless = (records: readonly RunRecord[]) => records.map((r) => ({ ...r, seconds: 0 }));

/** Return the records after a checkpoint: those of later steps, and of the epoch whose test was due. */
const after = (records: readonly RunRecord[], { step, epoch }: RunPosition) =>
  records.filter((r) => (r.kind === "epoch" ? r.epoch > epoch : r.step > step));

function streamed(more: Partial<RunConfig>): Session {
  const config = tinyConfig({ threshold: 0.05 }, { augment: { crop: 0, flip: false }, ...often, ...more });
  manualSeed(config.seed);
  const [train, held] = [fakeStream(data.train, { margin: 1 }), fakeStream(data.test, { margin: 1 })];
  return new Session({ model: tinyModel(), data: { train, test: held }, config });
}

const tiny = (prune: TinyPrune, more: TinyMore = {}) => tinySession(prune, { ...often, ...more });

test.each<[string, () => Session, readonly number[]]>([
  ["lats", () => tiny({ threshold: 0.05 }), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ["streamed", () => streamed({}), [2, 4, 6]],
  ["micro-batches", () => tiny({ threshold: 0.05 }, { microBatch: 4 }), [1, 4, 8]],
  ["str", () => tiny({ method: "str", str: { start: -3, decay: 0.1 } }), [4, 8]],
  ["ltp", () => tiny({ method: "ltp", ltp: { l0: 0.5 } }), [1, 4, 7]],
  ["lambda steered to a sparsity", () => tiny({ sparsity: 0.6 }), [2, 4, 5, 6, 7]],
  ["threshold steered to a sparsity", () => tiny({ sparsity: 0.6, steer: "threshold" }), [2, 7]],
  ["str, decay steered", () => tiny({ method: "str", str: { start: -3, decay: 0.1 }, sparsity: 0.6 }), [1, 4, 8]],
  ["ltp, price steered", () => tiny({ method: "ltp", sparsity: 0.6 }), [1, 4, 7]],
  ["gmp", () => tiny({ method: "gmp", sparsity: 0.6, every: 2 }), [3, 7]],
  ["fine-tuning", () => tiny({ threshold: 0.05 }, { epochs: 1, finetuneEpochs: 1 }), [3, 5, 7]],
])("%s", async (_name, open, stops) => {
  const plain = await finish(open());
  const whole = await finish(open(), 1);
  // Checkpoints leave no trace in the records.
  expect(timeless(whole.records)).toEqual(timeless(plain.records));
  expect(whole.steps.map((r) => r.step)).toEqual([3, 5, 8, 10]);
  for (const step of stops) {
    const { bytes, position } = whole.saved.get(step)!;
    const session = open();
    session.load(bytes, "checkpoint");
    expect(differing(await session.save(position), bytes).filter((key) => !key.startsWith("thresholds."))).toEqual([]);
    const rest = await finish(session);
    expect(timeless(rest.records), `resumed at ${step}`).toEqual(timeless(after(whole.records, position)));
    expect(differing(rest.bytes, whole.bytes), `resumed at ${step}`).toEqual([]);
  }
});

/** Stop a session by a signal at a step, or during its first test; resume it. */
async function stopped(
  when: number | "test",
): Promise<{ position: RunPosition; records: RunRecord[]; bytes: Uint8Array }> {
  const stop = new AbortController();
  const records: RunRecord[] = [];
  const onRecord = (record: RunRecord) => void records.push(record);
  const first = tiny({ threshold: 0.05 });
  const { evaluate } = first;
  if (when === "test") {
    first.evaluate = ((signal: AbortSignal | undefined) => {
      stop.abort();
      return evaluate.call(first, signal);
    }) as Session["evaluate"];
  }
  let saved: Saved | null = null;
  const result = await first.fit({
    signal: stop.signal,
    onRecord,
    onStep: ({ step }) => {
      if (step === when) stop.abort();
    },
    onCheckpoint: async (position, reason) => {
      if (reason === "abort") saved = { position, bytes: await first.save(position) };
    },
  });
  expect(result.finished).toBe(false);
  first.dispose();
  const { position, bytes } = saved as unknown as Saved;
  const second = tiny({ threshold: 0.05 });
  second.load(bytes, "checkpoint");
  const rest = await finish(second);
  return { position, records: [...records, ...rest.records], bytes: rest.bytes };
}

test("a signal saves at once, in mid-epoch and before or during a test; no step is repeated", async () => {
  const whole = await finish(tiny({ threshold: 0.05 }));
  for (const [when, position] of [
    [2, { step: 2, epoch: 0, batch: 2 }],
    [5, { step: 5, epoch: 0, batch: 5 }],
    ["test", { step: 5, epoch: 0, batch: 5 }],
    [10, { step: 10, epoch: 1, batch: 5 }],
  ] as const) {
    const run = await stopped(when);
    expect(run.position, `stopped at ${when}`).toEqual(position);
    expect(timeless(run.records), `stopped at ${when}`).toEqual(timeless(whole.records));
    expect(differing(run.bytes, whole.bytes), `stopped at ${when}`).toEqual([]);
  }
});

test("the same session continues where a signal stopped it, counters included", async () => {
  const whole = await finish(tiny({ threshold: 0.05 }));
  const session = tiny({ threshold: 0.05 });
  const records: RunRecord[] = [];
  const onRecord = (record: RunRecord) => void records.push(record);
  for (const at of [2, 7]) {
    const stop = new AbortController();
    const onStep = ({ step }: RunPosition) => step === at && stop.abort();
    await session.fit({ signal: stop.signal, onRecord, onStep: (position) => void onStep(position) });
  }
  await session.fit({ onRecord });
  expect(timeless(records)).toEqual(timeless(whole.records));
  session.dispose();
});

test("a host may save between steps and within its own records", async () => {
  const whole = await finish(tiny({ threshold: 0.05 }), 1);
  const session = tiny({ threshold: 0.05 });
  const between = new Map<number, Uint8Array>();
  let inRecord = 0;
  await session.fit({
    beforeStep: async (position) => {
      if (position.batch > 0) between.set(position.step, await session.save(position));
    },
    onRecord: async ({ step }) => {
      await session.save({ step, epoch: 0, batch: step });
      inRecord++;
    },
  });
  for (const step of [2, 4, 6, 9]) expect(between.get(step)).toEqual(whole.saved.get(step)?.bytes);
  expect(inRecord).toBe(6);
  session.dispose();
});

test("seconds of an epoch continue if the host saved them; without a host the same run gives the same bytes", async () => {
  const session = tiny({ threshold: 0.05 });
  const stop = new AbortController();
  await session.fit({ signal: stop.signal, onStep: ({ step }) => void (step === 2 && stop.abort()) });
  const [plain, hosted] = [await session.save(session.position), await session.save(session.position, { files: 3 })];
  expect(parseSafetensors(plain).metadata.has("host")).toBe(false);
  const { tensors, metadata } = parseSafetensors(hosted);
  const host = JSON.parse(metadata.get("host")!) as { files: number; epochSeconds: number };
  expect(host.files).toBe(3);
  expect(host.epochSeconds).toBeGreaterThan(0);
  session.dispose();

  const later = tiny({ threshold: 0.05 });
  const kept = new Map([...metadata].filter(([key]) => key === "format" || key === "progress"));
  kept.set("host", JSON.stringify({ epochSeconds: 1000 }));
  expect(later.load(writeSafetensors(tensors, kept), "x").host).toEqual({ epochSeconds: 1000 });
  const { epochs } = await finish(later);
  expect(epochs[0]?.seconds).toBeGreaterThan(1000);
  expect(epochs[1]?.seconds).toBeLessThan(1000);
});

test("refuses invalid counters by name", async () => {
  const session = tiny({ threshold: 0.05 });
  const { tensors, metadata } = parseSafetensors(await session.save({ step: 6, epoch: 1, batch: 1 }));
  const progress = JSON.parse(metadata.get("progress")!) as object;
  const kept = {
    format: metadata.get("format")!,
    progress: JSON.stringify({ ...progress, counters: { logged: "x" } }),
  };
  expect(() => session.load(writeSafetensors(tensors, kept), "step_6")).toThrow(
    'step_6: its progress record: counters: logged: expected an integer >= 0, got "x"',
  );
  session.dispose();
});

test("refuses a position in batches of another size", async () => {
  const small = tiny({ threshold: 0.05 });
  const bytes = await small.save({ step: 6, epoch: 1, batch: 1 });
  small.dispose();
  const large = tiny({ threshold: 0.05 }, { batchSize: 24 });
  expect(() => large.load(bytes, "step_6")).toThrow(
    "step_6: expected epochs of 3 steps, got step 6 at batch 1 of epoch 2: its batch size or its data differ",
  );
  large.dispose();
});
