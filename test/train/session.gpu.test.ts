import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { parseSafetensors, writeSafetensors } from "../../src/io/index.ts";
import { LeNetBN } from "../../src/models/index.ts";
import { manualSeed } from "../../src/nn/index.ts";
import { type EpochRecord, type RunConfig, type RunPosition, type RunRecord, Session } from "../../src/train/index.ts";
import { inBrowser } from "../support/browser.ts";
import { expectClose } from "../support/close.ts";
import { squares } from "../support/shapes.ts";

const data = { train: squares(200, 12, 1), test: squares(100, 12, 9) };
const base: RunConfig = {
  epochs: 3,
  batchSize: 32,
  lr: { schedule: "cosine", base: 0.05, per: "step" },
  momentum: 0.9,
  nesterov: false,
  weightDecay: 1e-4,
  labelSmoothing: 0.05,
  prune: {
    schedule: "lats",
    threshold: 0.05,
    mode: "latent",
    startEpoch: 0,
  },
  augment: { crop: 1, flip: false },
  seed: 5,
  logEvery: 3,
};

function open(config: RunConfig = base, replay = true): Session {
  manualSeed(config.seed);
  return new Session({ model: new LeNetBN({ size: 12, classes: 4 }), data, config, replay });
}

/** Every bit of a session: weights, latents, momentum, running statistics, counts. */
async function bits(session: Session): Promise<Uint8Array> {
  const { step, epoch, batch } = session.position;
  return session.save({ step, epoch, batch });
}

async function train(config: RunConfig = base, replay = true): Promise<{ bytes: Uint8Array; records: RunRecord[] }> {
  const session = open(config, replay);
  const records: RunRecord[] = [];
  await session.fit({ onRecord: (r) => void records.push(r) });
  const bytes = await bits(session);
  session.dispose();
  return { bytes, records };
}

test("learns, prunes, and reports both", async () => {
  const live = currentGpu().memory().live;
  const { records } = await train();
  const epochs = records.filter((r): r is EpochRecord => r.kind === "epoch");
  expect(epochs).toHaveLength(3);
  const last = epochs.at(-1)!;
  expect(last.testAccuracy).toBeGreaterThan(0.95);
  expect(last.sparsity).toBeGreaterThan(0.3);
  expect(last.threshold).toBe(0.05);
  expect(last.loss).toBeLessThan(epochs[0]!.loss);
  const steps = records.filter((r) => r.kind === "step");
  expect(steps.at(-1)).toMatchObject({ step: 21, threshold: 0.05 });
  // LATS: the implied coefficient does not move.
  for (const s of steps) expect(s.lambda).toBeCloseTo(steps[0]!.lambda, 10);
  expect(currentGpu().memory().live).toBe(live);
});

test("replayed and eager training give the same bits, and so do two runs of one seed", async () => {
  const replayed = await train();
  const again = await train();
  const eager = await train(base, false);
  expect(again.bytes).toEqual(replayed.bytes);
  expect(eager.bytes).toEqual(replayed.bytes);
  const other = await train({ ...base, seed: 6 });
  expect(other.bytes).not.toEqual(replayed.bytes);
});

test.each(["latent", "inplace"] as const)(
  "a run resumed in mid-epoch ends with the bits of an uninterrupted one (%s)",
  async (mode) => {
    const config = { ...base, prune: { ...base.prune, mode } };
    const whole = await train(config);
    const first = open(config);
    const saved: { bytes: Uint8Array; position: RunPosition }[] = [];
    await first.fit({
      checkpointEvery: 10,
      onCheckpoint: async (position, reason) => {
        if (reason === "interval") saved.push({ bytes: await first.save(position), position });
      },
    });
    first.dispose();
    expect(saved[0]!.position).toEqual({ step: 10, epoch: 1, batch: 3 });
    const second = open(config);
    second.load(saved[0]!.bytes, "checkpoint");
    await second.fit();
    expect(await bits(second)).toEqual(whole.bytes);
    second.dispose();
  },
);

test("an abort saves, and resuming gives the same bits", async () => {
  const whole = await train();
  const first = open();
  const stop = new AbortController();
  let saved: Uint8Array | null = null;
  const result = await first.fit({
    signal: stop.signal,
    onStep: ({ step }) => step === 4 && stop.abort(),
    onCheckpoint: async (position, reason) => {
      expect(reason).toBe("abort");
      saved = await first.save(position);
    },
  });
  first.dispose();
  expect(result).toMatchObject({ finished: false, position: { step: 4, epoch: 0, batch: 4 } });
  const second = open();
  second.load(saved!, "checkpoint");
  await second.fit();
  expect(await bits(second)).toEqual(whole.bytes);
  second.dispose();
});

test("hundreds of replayed steps create no resources", async () => {
  const steps = inBrowser ? 60 : 500;
  const session = open({ ...base, epochs: 80, batchSize: 32 });
  const gpu = currentGpu();
  let before: ReturnType<typeof gpu.counters> | null = null;
  const stop = new AbortController();
  await session.fit({
    signal: stop.signal,
    onStep: ({ step }) => {
      // The first epoch meets both batch sizes and the evaluation's shapes.
      if (step === 30) before = gpu.counters();
      if (step === 30 + steps) {
        expect(gpu.counters()).toEqual(before);
        stop.abort();
      }
    },
  });
  expect(before).not.toBeNull();
  session.dispose();
});

test("a loss that is not finite stops the run, names step and op, and leaves the weights alone", async () => {
  const session = open({
    ...base,
    lr: { schedule: "constant", base: 1e30 },
    prune: { ...base.prune, schedule: "none", threshold: 0 },
  });
  await expect(session.fit()).rejects.toThrow(
    /loss of step \d+ is not finite: first bad op \w+ \((forward|backward), \[/,
  );
  for (const [name, { data: values }] of await session.model.stateDict()) {
    if (!name.includes("running"))
      expect(
        values.every((v) => Number.isFinite(v)),
        name,
      ).toBe(true);
  }
  session.dispose();
});

test("a constant threshold starts from the loaded weights", async () => {
  const session = open({
    ...base,
    epochs: 1,
    lr: { schedule: "constant", base: 1e-9 },
    weightDecay: 0,
    prune: { ...base.prune, schedule: "constant" },
  });
  const before = await session.model.stateDict();
  await session.fit();
  const after = await session.model.stateDict();
  const w = after.get("0.weight")!.data;
  expectClose(w, before.get("0.weight")!.data, { rtol: 0, atol: 1e-6 });
  session.dispose();
});

test("refuses checkpoints that do not fit, by name", async () => {
  const session = open();
  const good = await bits(session);
  const { tensors, metadata } = parseSafetensors(good);
  const broken = (change: (t: typeof tensors, m: Map<string, string>) => void) => {
    const t = new Map(tensors);
    const m = new Map(metadata);
    change(t, m);
    return writeSafetensors(t, m);
  };
  const load = (bytes: Uint8Array) => () => session.load(bytes, "x.safetensors");
  expect(load(broken((t) => t.delete("momentum.0.weight")))).toThrow("x.safetensors: momentum.0.weight is missing");
  expect(load(broken((t) => t.set("model.extra", t.get("model.1.bias")!)))).toThrow("model.extra belongs to no tensor");
  expect(load(broken((t) => t.set("model.1.bias", t.get("model.4.bias")!)))).toThrow(
    "model.1.bias: expected shape [8], got [16]",
  );
  expect(load(broken((_t, m) => m.delete("format")))).toThrow("not a checkpoint");
  expect(load(good.slice(0, good.length - 4))).toThrow("x.safetensors");
  session.dispose();
});
