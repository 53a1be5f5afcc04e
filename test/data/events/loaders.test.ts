import { expect, test } from "vitest";
import { SourceError } from "../../../src/data/errors.ts";
import { CIFAR10_CLASSES, loadCifar10Dvs } from "../../../src/data/events/cifar10_dvs.ts";
import { loadDvsGesture } from "../../../src/data/events/dvs_gesture.ts";
import { byNumber } from "../../../src/data/events/labelled_files.ts";
import { loadNMnist } from "../../../src/data/events/nmnist.ts";
import { loadNpzEvents } from "../../../src/data/events/npz_frames.ts";
import { memorySource } from "../../../src/data/source.ts";
import { EventError, writeEventNpz, writeNMnist, writeNpz } from "../../../src/io/events/index.ts";
import { AEDAT3_HEADER, aedat2, joined, packet, recordingOf, text } from "../../io/events/event_files.ts";

/** Return the x of the only event of each sample, which identifies its file. */
function marks(images: Uint8Array, pixels: number): number[] {
  return Array.from({ length: images.length / pixels }, (_, n) =>
    images.subarray(n * pixels, (n + 1) * pixels).indexOf(1),
  );
}
const at = (x: number) => recordingOf([[1, x, 0, 0]]);

test("sorts names by their numbers", () => {
  expect(["a10", "a9", "b", "a09b", "a", "10", "9"].sort(byNumber)).toEqual(["9", "10", "a", "a09b", "a9", "a10", "b"]);
});

test("N-MNIST: folders are labels, limit is per class, progress is reported", async () => {
  const files: Record<string, Uint8Array> = {};
  for (let digit = 0; digit < 10; digit++) {
    for (let i = 0; i < 3; i++) files[`Train/${digit}/0000${i}.bin`] = writeNMnist(at(3 * digit + i));
    files[`Test/${digit}/1.bin`] = writeNMnist(at(digit));
  }
  const source = memorySource(files);
  const seen: string[] = [];
  const train = await loadNMnist(source, {
    split: "train",
    frames: 1,
    limit: 2,
    progress: (done, total) => seen.push(`${done}/${total}`),
  });
  expect([train.length, train.timeSteps, ...train.shape]).toEqual([20, 1, 2, 34, 34]);
  expect([...train.labels]).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]);
  expect(marks(train.images, 2 * 34 * 34).slice(0, 4)).toEqual([0, 1, 3, 4]);
  expect([seen[0], seen.at(-1)]).toEqual(["1/20", "20/20"]);
  const held = await loadNMnist(source, { split: "test", size: [17, 17] });
  expect([held.length, held.timeSteps, ...held.shape]).toEqual([10, 8, 16, 17, 17]);
  await expect(loadNMnist(memorySource({}), { split: "test" })).rejects.toThrow(SourceError);
  await expect(loadNMnist(source, { split: "train", limit: 0 })).rejects.toThrow("limit: expected an integer");
  await expect(loadNMnist(source, { split: "val" as "test" })).rejects.toThrow('split: expected "train" or "test"');
  const damaged = memorySource({ ...files, "Test/3/1.bin": new Uint8Array(4) }, "box");
  await expect(loadNMnist(damaged, { split: "test" })).rejects.toThrow("box: Test/3/1.bin: byte 0: truncated");
});

test("CIFAR10-DVS: two rules, in the order of the numbers", async () => {
  const files: Record<string, Uint8Array> = {};
  for (const name of CIFAR10_CLASSES) {
    for (const i of [2, 10, 99, 100, 101]) {
      files[`${name}/cifar10_${name}_${i}.aedat`] = aedat2([[1, i, 0, 0]]);
    }
  }
  const source = memorySource(files);
  const load = async (split: "train" | "test", rule?: "9:1" | "first100") => {
    const set = await loadCifar10Dvs(source, { split, frames: 1, ...(rule ? { rule } : {}) });
    expect(set.length % 10).toBe(0);
    return marks(set.images, 2 * 128 * 128).slice(0, set.length / 10);
  };
  expect(await load("train")).toEqual([2, 10, 99, 100, 101]);
  await expect(load("test")).rejects.toThrow("the test split has no samples");
  expect(await load("test", "first100")).toEqual([2, 10, 99]);
  expect(await load("train", "first100")).toEqual([100, 101]);
  await expect(load("train", "8:2" as "9:1")).rejects.toThrow("rule: expected one of 9:1, first100");
  const nameless = memorySource({ ...files, "airplane/x.aedat": aedat2([[1, 1, 1, 1]]) });
  await expect(loadCifar10Dvs(nameless, { split: "train", rule: "first100" })).rejects.toThrow(
    "x.aedat: expected a number in the name",
  );
});

test("DVS Gesture: lists name recordings, tables slice them", async () => {
  const table = "class,startTime_usec,endTime_usec\n";
  const recording = joined(
    text(AEDAT3_HEADER),
    packet([
      [10, 1, 0, 0],
      [20, 2, 0, 0],
      [29, 3, 0, 0],
      [30, 4, 0, 0],
    ]),
  );
  const source = memorySource({
    "trials_to_train.txt": text("user01_led.aedat\r\nuser02_led.aedat\n\n"),
    "user01_led.aedat": recording,
    "user01_led_labels.csv": text(`${table}3,10,11\n3,20,25\n1,30,40\n`),
    "user02_led.aedat": recording,
    "user02_led_labels.csv": text(`${table}11,29,30\n3,11,12\n`),
    "trials_to_test.txt": text("\n"),
  });
  const train = await loadDvsGesture(source, { split: "train", frames: 1 });
  expect([...train.labels]).toEqual([2, 2, 0, 10, 2]);
  expect(marks(train.images, 2 * 128 * 128)).toEqual([1, 2, 4, 3, -1]);
  const few = await loadDvsGesture(source, { split: "train", frames: 2, limit: 1, size: [32, 32], by: "time" });
  expect([few.length, ...few.shape]).toEqual([3, 4, 32, 32]);
  await expect(loadDvsGesture(source, { split: "test" })).rejects.toThrow("trials_to_test.txt: it names no recordings");
  await expect(loadDvsGesture(memorySource({}), { split: "test" })).rejects.toThrow("no such file");
});

const frames = (...data: number[]) =>
  writeNpz(new Map([["frames", { dtype: "F32", shape: [data.length / 2, 2, 1, 1], data: Float32Array.from(data) }]]));

test("npz: train and test folders, or nine tenths of each class; classes by number", async () => {
  const divided = memorySource({
    "train/10/a.npz": frames(1, 2, 3, 4),
    "train/9/b.npz": frames(5, 6, 7, 300),
    "test/9/c.npz": frames(0, 1, 0, 1),
    "readme.txt": text("words"),
  });
  const train = await loadNpzEvents(divided, { split: "train" });
  expect([train.classes, [...train.labels], train.timeSteps, train.saturated]).toEqual([["9", "10"], [0, 1], 2, 1]);
  expect([...train.images]).toEqual([5, 6, 7, 255, 1, 2, 3, 4]);
  expect((await loadNpzEvents(divided, { split: "test" })).length).toBe(1);
  await expect(loadNpzEvents(divided, { split: "test", frames: 3 })).rejects.toThrow("expected frames [3, 2, h, w]");

  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 11; i++) files[`cat/${i}.npz`] = writeEventNpz(at(i));
  const undivided = memorySource(files);
  const options = { frames: 1, sensor: [1, 11] } as const;
  const kept = await loadNpzEvents(undivided, { split: "train", ...options });
  expect(marks(kept.images, 22)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(marks((await loadNpzEvents(undivided, { split: "test", ...options })).images, 22)).toEqual([10]);
  await expect(loadNpzEvents(undivided, { split: "test" })).rejects.toThrow("give sensor: [height, width]");
  await expect(loadNpzEvents(undivided, { split: "test", sensor: [1, 10] })).rejects.toThrow(EventError);
  await expect(loadNpzEvents(memorySource({}), { split: "test" })).rejects.toThrow("no folders of classes");
  await expect(loadNpzEvents(memorySource({ "train/a/b.npz": frames(1, 2) }), { split: "test" })).rejects.toThrow(
    "test: no such folder",
  );
});

test("npz: parts by any of their names, and a folder that is no part", async () => {
  const files = { "Training_Set/a/1.npz": frames(1, 2), "Val/a/2.npz": frames(3, 4), "test/a/3.npz": frames(5, 6) };
  const load = (split: "train" | "test", more = {}) => loadNpzEvents(memorySource({ ...files, ...more }), { split });
  const [train, held] = [await load("train"), await load("test")];
  expect([train.classes, [...train.images], [...held.images]]).toEqual([["a"], [1, 2], [3, 4]]);
  await expect(load("train", { "b/4.npz": frames(7, 8) })).rejects.toThrow(
    "b: a folder beside parts (train, test): expected parts alone, or classes alone",
  );
});

test("loading yields to the event loop", async () => {
  const files: Record<string, Uint8Array> = {};
  const many = writeNMnist(recordingOf(Array.from({ length: 5000 }, (_, i) => [i, i % 34, 0, 1] as const)));
  for (let digit = 0; digit < 10; digit++) for (let i = 0; i < 40; i++) files[`Test/${digit}/${i}.bin`] = many;
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await loadNMnist(memorySource(files), { split: "test" });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
});
