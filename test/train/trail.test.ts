// The trail: what is in the store after each model, after repeats and after crashes.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readModelWeights } from "../../src/io/index.ts";
import type { StateDict } from "../../src/nn/index.ts";
import { paretoFront } from "../../src/prune/pareto.ts";
import type { RunStore } from "../../src/train/store.ts";
import { Trail, type TrailPoint } from "../../src/train/trail.ts";

/** A store in memory that remembers the order of its writes. */
class MemoryStore implements RunStore {
  readonly files = new Map<string, Uint8Array>();
  readonly calls: string[] = [];
  /** A path that cannot be written. */
  broken: string | null = null;
  async write(path: string, bytes: Uint8Array): Promise<void> {
    if (path === this.broken) throw new Error(`${path}: the disk is full`);
    this.calls.push(`write ${path}`);
    this.files.set(path, bytes);
  }
  async read(path: string): Promise<Uint8Array> {
    const bytes = this.files.get(path);
    if (!bytes) throw new Error(`${path}: no such file`);
    return bytes;
  }
  async list(folder: string): Promise<string[]> {
    return [...this.files.keys()].filter((p) => p.startsWith(`${folder}/`)).map((p) => p.slice(folder.length + 1));
  }
  async remove(path: string): Promise<void> {
    this.calls.push(`remove ${path}`);
    this.files.delete(path);
  }
  log(): string {
    return new TextDecoder().decode(this.files.get("trail/trail.jsonl"));
  }
  setLog(text: string): void {
    this.files.set("trail/trail.jsonl", new TextEncoder().encode(text));
  }
}

const state = (fill: number): StateDict =>
  new Map([
    ["fc.weight", { data: Float32Array.of(0, 0, 0, fill, 0, 0, 0, 0), shape: [2, 4] }],
    ["fc.bias", { data: Float32Array.of(fill, 2), shape: [2] }],
  ]);
const point = (epoch: number, accuracy = 0.9, sparsity = 0.5): TrailPoint => ({
  epoch,
  step: 10 * epoch,
  accuracy,
  loss: 0.3,
  sparsity,
});
const FILE = "trail/epoch-0003.sparse.safetensors";

describe("adding", () => {
  test("to a record with corrupt lines drops those lines only, and reports them", async () => {
    const store = new MemoryStore();
    const faults: string[] = [];
    const trail = new Trail(store, { onDamaged: (fault) => faults.push(fault) });
    for (const epoch of [1, 2, 3, 4]) await trail.add(point(epoch), state(7));
    const lines = store.log().split("\n");
    lines[1] = '{"epoch":2,';
    lines[2] = '{"epoch":3,"step":"x"}';
    store.setLog(lines.join("\n"));
    await trail.add(point(5), state(7));
    expect(faults).toEqual([
      "trail/trail.jsonl, line 2: expected a JSON object",
      expect.stringMatching(/^trail\/trail\.jsonl, line 3: step: expected an integer/),
    ]);
    expect((await Trail.read(store)).map(({ epoch }) => epoch)).toEqual([1, 4, 5]);
  });

  test("writes the model, then the line; both hold the point", async () => {
    const store = new MemoryStore();
    const entry = await new Trail(store).add(point(3), state(7), { model: "mlp", accuracy: "stale" });
    expect(entry).toEqual({ ...point(3), file: FILE });
    expect(store.calls).toEqual([`write ${FILE}`, "write trail/trail.jsonl"]);
    expect(store.log()).toBe(
      '{"epoch":3,"step":30,"accuracy":0.9,"loss":0.3,"sparsity":0.5,"file":"trail/epoch-0003.sparse.safetensors"}\n',
    );
    const { weights, metadata } = readModelWeights(await store.read(FILE), FILE);
    expect(weights).toEqual(state(7));
    expect(Object.fromEntries(metadata)).toMatchObject({
      model: "mlp",
      epoch: "3",
      step: "30",
      accuracy: "0.9",
      sparsity: "0.5",
    });
  });

  test("a resumed run replaces the epochs it repeats, in any order", async () => {
    const epochs = fc.array(fc.record({ epoch: fc.integer({ min: 0, max: 5 }), accuracy: fc.nat(9) }), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(epochs, async (adds) => {
        const store = new MemoryStore();
        const want = new Map<number, number>();
        for (const { epoch, accuracy } of adds) {
          await new Trail(store).add(point(epoch, accuracy / 9), state(accuracy + 1));
          want.set(epoch, accuracy);
        }
        const entries = await Trail.read(store);
        expect(entries.map((e) => e.epoch)).toEqual([...want.keys()].sort((a, b) => a - b));
        for (const { epoch, accuracy, file } of entries) {
          expect(accuracy).toBe(want.get(epoch)! / 9);
          const { weights } = readModelWeights(await store.read(file!), "");
          expect(weights).toEqual(state(want.get(epoch)! + 1));
        }
        expect(store.log().trim().split("\n")).toHaveLength(want.size);
      }),
      { numRuns: 40 },
    );
  });

  test("a loss that is not finite does not stop a run", async () => {
    const store = new MemoryStore();
    await new Trail(store).add({ ...point(1), loss: Number.POSITIVE_INFINITY }, state(1));
    await new Trail(store).add(point(2), state(1));
    expect((await Trail.read(store)).map((e) => e.loss)).toEqual([Number.NaN, 0.3]);
  });

  test("a write that fails leaves the record as it was", async () => {
    const store = new MemoryStore();
    await new Trail(store).add(point(1), state(1));
    const before = store.log();
    store.broken = FILE;
    await expect(new Trail(store).add(point(3), state(1))).rejects.toThrow("the disk is full");
    expect(store.log()).toBe(before);
    expect(await Trail.read(store)).toHaveLength(1);
  });

  test("refuses invalid numbers and tensors, and writes nothing", async () => {
    const store = new MemoryStore();
    const trail = new Trail(store);
    const refuse = (change: Partial<TrailPoint>, message: string) =>
      expect(trail.add({ ...point(1), ...change }, state(1))).rejects.toThrow(message);
    await refuse({ epoch: 1.5 }, "trail: epoch: expected an integer >= 0, got 1.5");
    await refuse({ step: -1 }, "trail: step: expected an integer >= 0, got -1");
    await refuse({ accuracy: 97 }, "trail: accuracy: expected a number from 0 to 1, got 97");
    await refuse({ sparsity: Number.NaN }, "trail: sparsity: expected a number from 0 to 1, got NaN");
    await refuse({ loss: "0.1" as never }, "trail: loss: expected a number, got 0.1");
    const counts: StateDict = new Map([["n", { data: Uint32Array.of(1), shape: [1] }]]);
    await expect(trail.add(point(1), counts)).rejects.toThrow("trail: n: expected a Float32Array, got a Uint32Array");
    expect(() => new Trail(store, { keep: "best" as never })).toThrow("keep: expected one of all, pareto, got best");
    expect(store.calls).toEqual([]);
  });
});

describe("keep pareto", () => {
  test("retains the files of the front after every addition, and all points in the record", async () => {
    const share = fc.integer({ min: 0, max: 5 }).map((n) => n / 5);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(share, share), { minLength: 1, maxLength: 8 }), async (shares) => {
        const store = new MemoryStore();
        const trail = new Trail(store, { keep: "pareto" });
        for (const [i, [accuracy, sparsity]] of shares.entries()) {
          const entry = await trail.add(point(i + 1, accuracy, sparsity), state(1));
          const entries = await Trail.read(store);
          expect(entries.at(-1)).toEqual(entry);
          expect(entries).toHaveLength(i + 1);
          const front = new Set(paretoFront(entries));
          expect(entries.map((e) => e.file !== null)).toEqual(entries.map((_, k) => front.has(k)));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("removes last, and only models of the trail", async () => {
    const store = new MemoryStore();
    store.files.set("trail/epoch-0009.sparse.safetensors", new Uint8Array());
    const trail = new Trail(store, { keep: "pareto" });
    await trail.add(point(2, 0.8, 0.8), state(1));
    await trail.add(point(3, 0.9, 0.9), state(1));
    expect(store.calls.slice(2)).toEqual([
      `write ${FILE}`,
      "write trail/trail.jsonl",
      "remove trail/epoch-0002.sparse.safetensors",
    ]);
    expect(store.files.has("trail/epoch-0009.sparse.safetensors")).toBe(true);
  });
});

describe("reading", () => {
  const line = (p: TrailPoint) => JSON.stringify({ ...p, file: "../../elsewhere" });

  test("returns no entries without a trail", async () => {
    expect(await Trail.read(new MemoryStore())).toEqual([]);
  });

  test("skips a truncated last line", async () => {
    const whole = `${line(point(2))}\n`;
    const torn = line(point(1));
    await fc.assert(
      fc.asyncProperty(fc.nat(torn.length - 1), async (length) => {
        const store = new MemoryStore();
        store.setLog(whole + torn.slice(0, length));
        expect((await Trail.read(store)).map((e) => e.epoch)).toEqual([2]);
        await new Trail(store).add(point(1), state(1));
        expect((await Trail.read(store)).map((e) => e.epoch)).toEqual([1, 2]);
      }),
    );
  });

  test("later lines win, paths come from the epochs, a file that is gone is null", async () => {
    const store = new MemoryStore();
    store.setLog([line(point(3, 0.1)), line(point(1)), line(point(3, 0.7))].join("\n"));
    store.files.set(FILE, new Uint8Array());
    expect(await Trail.read(store)).toEqual([
      { ...point(1), file: null },
      { ...point(3, 0.7), file: FILE },
    ]);
  });

  test.each([
    ["not json\n", "line 1: expected a JSON object"],
    ["[]\n", "line 1: epoch: expected an integer >= 0, got undefined"],
    ['{"epoch":1,"step":2,"accuracy":3}\n', "line 1: accuracy: expected a number from 0 to 1, got 3"],
  ])("damage before the last line is an error: %s", async (bad, message) => {
    const store = new MemoryStore();
    store.setLog(`${bad}${line(point(1))}\n`);
    await expect(Trail.read(store)).rejects.toThrow(`trail/trail.jsonl, ${message}`);
  });
});

test("clearing removes the record and the models, and leaves other files", async () => {
  const store = new MemoryStore();
  store.files.set("trail/notes.txt", new Uint8Array());
  await new Trail(store).add(point(1), state(1));
  await new Trail(store).add(point(2), state(1));
  await Trail.clear(store);
  expect([...store.files.keys()]).toEqual(["trail/notes.txt"]);
  expect(await Trail.read(store)).toEqual([]);
});
