// Nothing that holds NaN or infinity is saved, exported, loaded unasked or reported as a result.
import { afterEach, describe, expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { parseSafetensors, writeSafetensors } from "../../src/io/index.ts";
import { loadState, type Module } from "../../src/nn/index.ts";
import { NonFiniteError, type Tensor } from "../../src/tensor/index.ts";
import {
  CheckpointError,
  NonFiniteLossError,
  NonFiniteWeightsError,
  type Session,
  Trail,
} from "../../src/train/index.ts";
import { tinyModel, tinySession } from "../support/tiny_session.ts";

const open: { dispose(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.dispose();
});
const kept = <T extends { dispose(): void }>(one: T): T => {
  open.push(one);
  return one;
};

const dense = { schedule: "none" } as const;
const constant = (base: number) => ({ lr: { schedule: "constant", base, per: "step" } as const });

/** Change one number of a checkpoint and compute its hashes again, as a program without this rule would write it. */
function withWeight(bytes: Uint8Array, key: string, index: number, value: number): Uint8Array {
  const { tensors, metadata } = parseSafetensors(bytes, "checkpoint");
  const arrays = new Map([...tensors].map(([name, a]) => [name, { ...a, data: a.data.slice() }]));
  (arrays.get(key)!.data as Float32Array)[index] = value;
  return writeSafetensors(arrays as never, Object.fromEntries(metadata));
}

const tensorOf = (model: Module, name: string) => new Map(model.namedState()).get(name) as Tensor;
async function spoil(model: Module, name: string, index: number, value: number): Promise<void> {
  const values = (await tensorOf(model, name).data()).slice();
  values[index] = value;
  tensorOf(model, name).set(values);
}

describe("training stops", () => {
  test.each([
    [30, dense],
    [1e3, dense],
    [1e6, dense],
    [1e30, dense],
    [1e3, { threshold: 0.01 }],
    [1e3, { threshold: 0.01, mode: "inplace" }],
    [1e3, { method: "str", schedule: "none" }],
    [1e3, { method: "ltp", schedule: "none" }],
  ] as const)("at lr %d with %j, naming step and layer", async (base, prune) => {
    const session = kept(tinySession(prune, { ...constant(base), epochs: 12 }));
    const saved: Uint8Array[] = [];
    const error = await session
      .fit({ onCheckpoint: async (position) => void saved.push(await session.save(position)) })
      .then(
        () => null,
        (e: unknown) => e as Error,
      );
    if (error) {
      expect(error).toBeInstanceOf(NonFiniteError);
      expect(error.message).toMatch(
        /^(the loss of step \d+ is not finite: |evaluation: the loss of batch \d+ .* is not finite|the update of step \d+ made NaN or infinity of weights: [\d.]+)/,
      );
    }
    // Whatever was saved on the way is finite, or the run went through.
    const good = kept(tinySession(prune));
    for (const bytes of saved) good.load(bytes, "saved");
    if (!error) expect((await session.evaluate())!.loss).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test("at weights that an update made non-finite, before the loss is", async () => {
    const session = kept(tinySession(dense, { ...constant(3e38), weightDecay: 1e3, epochs: 1 }));
    const error = await session.fit().then(
      () => null,
      (e: unknown) => e as NonFiniteWeightsError,
    );
    expect(error).toBeInstanceOf(NonFiniteWeightsError);
    expect(error!.step).toBe(0);
    expect(error!.message).toMatch(/^the update of step 0 made NaN or infinity of weights: \d\.\w+ and \d+ more$/);
  });

  test("at the first layer whose op gives NaN", async () => {
    const session = kept(tinySession(dense));
    await spoil(session.model, "4.bias", 3, Number.NaN);
    await expect(session.fit()).rejects.toThrow("the loss of step 0 is not finite: 4.bias holds NaN or Inf already");
    const other = kept(tinySession(dense));
    const before = other.step.diagnose.bind(other.step);
    const batch = { x: new Float32Array(16 * 64).fill(3e38), y: new Int32Array(16), size: 16 };
    const error = await before(batch, 7);
    expect(error).toBeInstanceOf(NonFiniteLossError);
    expect(error.message).toBe(
      "the loss of step 7 is not finite: first bad op conv2d (forward, [16,6,4,4]) of layer 0",
    );
  });
});

describe.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%d", (bad) => {
  const spoiled = async (name: string): Promise<Session> => {
    const session = kept(tinySession(dense));
    await spoil(session.model, name, 2, bad);
    return session;
  };
  const start = { step: 0, epoch: 0, batch: 0 };

  test.each(["3.weight", "4.bias", "1.running_var"])(
    "in %s is not saved in a checkpoint, given out or exported",
    async (name) => {
      const session = await spoiled(name);
      const length = tensorOf(session.model, name).numel;
      const held = `${name} holds ${bad} at index 2 of ${length}; expected finite numbers, nothing was written`;
      await expect(session.save(start)).rejects.toThrow(`checkpoint of step 0: model.${held}`);
      await expect(session.weights()).rejects.toThrow(`the model's weights: ${held}`);
      const weights = await session.model.stateDict();
      expect(() => exportOnnx(session.model, { input: [1, 8, 8], weights })).toThrow(`exportOnnx: ${held}`);
      const written: string[] = [];
      const store = {
        write: async (path: string) => void written.push(path),
        read: async () => new Uint8Array(),
        list: async () => [],
        remove: async () => {},
      };
      const point = { epoch: 1, step: 5, accuracy: 0.5, loss: 1, sparsity: 0 };
      await expect(new Trail(store, { keep: "all" }).add(point, weights)).rejects.toThrow(
        `trail: model of epoch 1: ${held}`,
      );
      expect(written).toEqual([]);
    },
  );

  test("in momentum is not saved in a checkpoint", async () => {
    const session = kept(tinySession(dense));
    const p = session.model.parameters()[0]!;
    const velocity = kept(session.optimizer.velocityOf(p)!);
    velocity.set(new Float32Array(velocity.numel).fill(bad));
    await expect(session.save(start)).rejects.toThrow(
      `checkpoint of step 0: momentum.0.weight holds ${bad} at index 0 of 54`,
    );
  });

  test("in a file is not loaded unless allowed", async () => {
    const model = kept(tinyModel());
    const state = await model.stateDict();
    const before = await tensorOf(model, "3.weight").data();
    const damaged = new Map(state);
    damaged.set("3.weight", { data: Float32Array.from(before).fill(bad, 9, 10), shape: [12, 6, 3, 3] });
    const held = `3.weight holds ${bad} at index 9 of 648, expected finite numbers`;
    expect(() => model.loadStateDict(damaged)).toThrow(`loadStateDict: ${held}`);
    expect(() => loadState(model, damaged)).toThrow(held);
    expect(await tensorOf(model, "3.weight").data()).toEqual(before);
    loadState(model, damaged, { nonFinite: "allow" });
    expect((await tensorOf(model, "3.weight").data())[9]).toBe(bad);
  });

  test("in a checkpoint of another program is refused", async () => {
    const session = kept(tinySession(dense));
    const bytes = await session.save(start);
    const patched = withWeight(bytes, "model.9.bias", 1, bad);
    expect(() => session.load(patched, "c.safetensors")).toThrow(CheckpointError);
    expect(() => session.load(patched, "c.safetensors")).toThrow(
      `c.safetensors: model.9.bias holds ${bad} at index 1 of 4`,
    );
  });

  test("gives no accuracy", async () => {
    const session = await spoiled("9.bias");
    await expect(session.evaluate()).rejects.toThrow(NonFiniteError);
    await expect(session.evaluate()).rejects.toThrow(
      /^evaluation: the loss of batch 0 \(samples 0 to \d+\) is not finite: the network's outputs hold NaN or infinity, or a label is/,
    );
  });
});
