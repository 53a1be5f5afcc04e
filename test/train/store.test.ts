// The checkpoints that are retained, and the one that a run resumes from.
import { describe, expect, test } from "vitest";
import { joinParts, safetensorsParts } from "../../src/io/index.ts";
import { CheckpointShelf, type RunStore } from "../../src/train/index.ts";

class Memory implements RunStore {
  readonly files = new Map<string, Uint8Array>();
  async write(path: string, bytes: Uint8Array) {
    this.files.set(path, bytes);
  }
  async read(path: string) {
    const bytes = this.files.get(path);
    if (!bytes) throw new Error(`${path}: no such file`);
    return bytes;
  }
  async list(folder: string) {
    return [...this.files.keys()]
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1));
  }
  async remove(path: string) {
    this.files.delete(path);
  }
}
const WHOLE = Uint8Array.of(1);
const DAMAGED = Uint8Array.of(0);
const check = (bytes: Uint8Array, path: string) => {
  if (bytes[0] !== 1) throw new RangeError(`r/${path}: damaged`);
};
async function shelfOf(steps: Readonly<Record<number, Uint8Array>>, best?: Uint8Array, keep = 2) {
  const store = new Memory();
  for (const [step, bytes] of Object.entries(steps))
    store.files.set(`checkpoints/step_${step.padStart(8, "0")}.safetensors`, bytes);
  if (best) store.files.set("checkpoints/best.safetensors", best);
  return { store, shelf: new CheckpointShelf(store, keep) };
}
const path = (step: number) => `checkpoints/step_${String(step).padStart(8, "0")}.safetensors`;

describe("a run resumes from", () => {
  test("the newest intact checkpoint; reports corrupt ones, newest first", async () => {
    const { shelf } = await shelfOf({ 5: WHOLE, 10: WHOLE, 100: DAMAGED, 20: DAMAGED }, WHOLE);
    const found = await shelf.newestWhole(check);
    expect(found.whole?.path).toBe(path(10));
    expect(found.damaged).toEqual([
      { path: path(100), why: `r/${path(100)}: damaged` },
      { path: path(20), why: `r/${path(20)}: damaged` },
    ]);
  });

  test("the best one if no other is intact", async () => {
    const { shelf } = await shelfOf({ 10: DAMAGED }, WHOLE);
    expect((await shelf.newestWhole(check)).whole?.path).toBe("checkpoints/best.safetensors");
  });

  test("nothing if none is intact, or there is none", async () => {
    const { shelf } = await shelfOf({ 10: DAMAGED }, DAMAGED);
    expect(await shelf.newestWhole(check)).toMatchObject({ whole: null, damaged: [{}, {}] });
    expect(await (await shelfOf({})).shelf.newestWhole(check)).toEqual({ whole: null, damaged: [] });
  });
});

test("a corrupt newer checkpoint never removes an intact older one, and is overwritten later", async () => {
  for (const keep of [1, 2]) {
    const { store, shelf } = await shelfOf({ 10: WHOLE, 30: DAMAGED }, undefined, keep);
    await shelf.save(20, WHOLE, false);
    expect((await shelf.newestWhole(check)).whole?.path).toBe(path(20));
    await shelf.save(30, WHOLE, false);
    expect([...store.files.keys()].sort()).toEqual(keep === 1 ? [path(30)] : [path(20), path(30)]);
  }
});

test("joins checkpoints in parts for a store without parts, and reads whole files if it reads no tensors", async () => {
  const { store, shelf } = await shelfOf({});
  const parts = safetensorsParts(new Map([["w", { dtype: "F32", shape: [1], data: Float32Array.of(2) }]]), { a: "b" });
  await shelf.save(10, parts, true);
  expect(store.files.get(path(10))).toEqual(joinParts(parts));
  expect(store.files.get("checkpoints/best.safetensors")).toEqual(joinParts(parts));
  const seen: unknown[] = [];
  const found = await shelf.newestReadable(({ metadata }, at) => seen.push([metadata.get("a"), at]));
  expect([found.whole?.path, seen]).toEqual([path(10), [["b", path(10)]]]);
  store.files.set(path(20), joinParts(parts).with(9, 0));
  const { whole, damaged } = await shelf.newestReadable(() => {});
  expect([whole?.path, damaged.map((d) => d.path)]).toEqual([path(10), [path(20)]]);
});
