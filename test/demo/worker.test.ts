// The parts of the demo's worker that need no GPU: turns, pace, settings, images and drawings.
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULTS, METHODS } from "../../demo/shared/settings.ts";
import { parseDigits } from "../../demo/worker/digits.ts";
import { type DroppedFile, datasetOf } from "../../demo/worker/file_data.ts";
import { fitInk, softmaxOf } from "../../demo/worker/ink.ts";
import { Pace, SpeedMeter } from "../../demo/worker/pace.ts";
import { describeLayer } from "../../demo/worker/pictures.ts";
import { softThreshold } from "../../demo/worker/recut.ts";
import { checkSettings, methodsOf, pruneConfig, runConfig } from "../../demo/worker/run_config.ts";
import { stepsPerSecond } from "../../demo/worker/tempo.ts";
import { Turns } from "../../demo/worker/turns.ts";
import { MNIST } from "../../src/data/index.ts";
import { packImages } from "../../tools/digits_vite.ts";
import { idxImages, idxLabels } from "../support/idx_folder.ts";
import { squares } from "../support/shapes.ts";

describe("turns", () => {
  /** Run a lane that takes each step as soon as it may, up to `total`. */
  async function lane(turns: Turns, index: number, total: number, log: string[]): Promise<void> {
    for (let step = 0; step < total; step++) {
      while (!turns.mayStep(index, step)) await turns.change(index);
      log.push(`${index}:${step}`);
      turns.setDone(index, step + 1);
    }
    turns.end(index);
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

  test("lanes run in lockstep, pause at exact steps, and report each pause once", async () => {
    const log: string[] = [];
    let idles = 0;
    const turns = new Turns(2, 0, () => idles++);
    const lanes = [lane(turns, 0, 7, log), lane(turns, 1, 7, log)];
    await settle();
    expect(log).toEqual([]);
    expect(idles).toBe(0);
    turns.allow(2);
    await settle();
    expect(log).toEqual(["0:0", "1:0", "0:1", "1:1"]);
    expect([turns.step, turns.idle, turns.running, idles]).toEqual([2, true, false, 1]);
    turns.pause();
    await settle();
    expect([log.length, idles]).toEqual([4, 2]);
    turns.run();
    await Promise.all(lanes);
    expect(log).toEqual(Array.from({ length: 14 }, (_, i) => `${i % 2}:${i >> 1}`));
    expect([turns.finished, turns.step, idles]).toEqual([true, 7, 3]);
  });

  test("a pause lets a lane that is behind take its step", () => {
    const turns = new Turns(2, 0, () => {});
    turns.run();
    turns.setDone(0, 1);
    turns.pause();
    expect([turns.mayStep(0, 1), turns.mayStep(1, 0)]).toEqual([false, true]);
    turns.setDone(1, 1);
    expect([turns.mayStep(0, 1), turns.mayStep(1, 1), turns.holds(1)]).toEqual([false, false, true]);
  });

  test("a pause between a grant and its step takes effect after that step", () => {
    const turns = new Turns(2, 3, () => {});
    turns.run();
    turns.grant(0, 3);
    turns.pause();
    turns.setDone(0, 4);
    expect([turns.mayStep(0, 4), turns.mayStep(1, 3)]).toEqual([false, true]);
  });

  test("a tempo limits running lanes, not single steps", async () => {
    const log: string[] = [];
    const turns = new Turns(1, 0, () => {});
    void lane(turns, 0, 100, log);
    turns.grantUpTo(2);
    turns.run();
    await settle();
    expect([log.length, turns.running, turns.idle]).toEqual([2, true, false]);
    turns.grantUpTo(3);
    await settle();
    expect(log.length).toBe(3);
    turns.pause();
    turns.allow(4);
    await settle();
    expect(log.length).toBe(7);
  });

  test("a lane does not wait for one that has ended", () => {
    const turns = new Turns(2, 5, () => {});
    turns.run();
    expect(turns.mayStep(1, 5)).toBe(false);
    turns.end(0);
    expect(turns.mayStep(1, 5)).toBe(true);
  });
});

test("a run lasts 25 seconds at the normal tempo, four times longer at the slow one, and less if it is short", () => {
  expect([stepsPerSecond("normal", 750), stepsPerSecond("slow", 750)]).toEqual([30, 7.5]);
  expect(stepsPerSecond("max", 750)).toBe(Number.POSITIVE_INFINITY);
  expect(stepsPerSecond("slow", 10)).toBe(4);
});

test("the soft threshold cuts small values and moves the others towards zero", () => {
  expect([...softThreshold(Float32Array.of(-3, -1, 0, 0.5, 1, 2), 1)]).toEqual([-2, 0, 0, 0, 0, 1]);
  expect([...softThreshold(Float32Array.of(-3, 0.5), 0)]).toEqual([-3, 0.5]);
});

test("a pace keeps its interval and its share of the time", () => {
  const pace = new Pace({ every: 200, share: 0.1 });
  expect(pace.due(0)).toBe(true);
  pace.begin(0);
  expect([pace.due(199), pace.due(200)]).toEqual([false, true]);
  pace.cost(50);
  expect([pace.due(499), pace.due(500)]).toEqual([false, true]);
});

test("measures speed over about the last second", () => {
  const meter = new SpeedMeter();
  expect(meter.mark(0, 0)).toBeNull();
  expect(meter.mark(10, 100)).toBe(100);
  for (let i = 1; i <= 10; i++) meter.mark(10 + i, 100 + 200 * i);
  expect(meter.mark(21, 2300)).toBeCloseTo(5, 5);
  meter.reset();
  expect(meter.mark(30, 9000)).toBeNull();
});

describe("settings", () => {
  test("accepts the defaults, refuses numbers out of range and unknown names", () => {
    expect(() => checkSettings(DEFAULTS)).not.toThrow();
    expect(() => checkSettings({ ...DEFAULTS, lr: 2 })).toThrow("lr: expected a number from 0.0001 to 1, got 2");
    expect(() => checkSettings({ ...DEFAULTS, epochs: 1.5 })).toThrow("epochs: expected an integer from 1 to 100");
    expect(() => checkSettings({ ...DEFAULTS, seed: Number.NaN })).toThrow("seed: expected");
    expect(() => checkSettings({ ...DEFAULTS, method: "magic" as "lats" })).toThrow("method: expected one of lats");
  });

  test("turns methods into settings of the engine", () => {
    const of = (method: (typeof METHODS)[number]) => pruneConfig(method, DEFAULTS, 752);
    expect(of("pgh")).toMatchObject({ method: "soft", schedule: "pgh", threshold: 0.1, beta: 0.1 });
    expect(of("str")).toMatchObject({ method: "str", str: { decay: 0.02 } });
    expect(of("ltp")).toMatchObject({ method: "ltp", startEpoch: 2, ltp: { l0: 2 } });
    expect(of("gmp")).toMatchObject({ method: "gmp", sparsity: 0.9, every: 13 });
    expect(of("dense")).toMatchObject({ method: "soft", schedule: "none" });
    expect(runConfig("lats", DEFAULTS, 94).lr).toEqual({ schedule: "cosine", base: 0.1, per: "step" });
    expect(methodsOf({ ...DEFAULTS, against: "none" })).toEqual(["lats"]);
    for (const method of METHODS) expect(of(method).mode).toBe("latent");
  });
});

describe("the shipped images", () => {
  const ten = (n: number, seed: number) => {
    const made = squares(n, 28, seed);
    return { ...made, ...MNIST, shape: made.shape, classes: MNIST.classes };
  };

  test("reads what the plugin packs", () => {
    const [train, test] = [ten(30, 1), ten(7, 2)];
    const bytes = new Uint8Array(gunzipSync(gzipSync(packImages(train, test))));
    const read = parseDigits(bytes, "mnist");
    expect([read.train.length, read.test.length, read.train.shape]).toEqual([30, 7, [1, 28, 28]]);
    expect([...read.train.labels]).toEqual([...train.labels]);
    expect(Buffer.compare(read.train.images, train.images)).toBe(0);
    expect(Buffer.compare(read.test.images, test.images)).toBe(0);
  });

  test("refuses a corrupt file", () => {
    const bytes = new Uint8Array(packImages(ten(3, 1), ten(2, 2)));
    const changed = (at: number, value: number) => {
      const copy = bytes.slice();
      copy[at] = value;
      return copy;
    };
    expect(() => parseDigits(bytes.subarray(0, 9), "mnist")).toThrow("digits.bin.gz: truncated: 9 bytes");
    expect(() => parseDigits(bytes.subarray(0, 900), "mnist")).toThrow(/expected \d+ bytes, got 900/);
    expect(() => parseDigits(changed(0, 65), "mnist")).toThrow("EDIG");
    expect(() => parseDigits(changed(4, 2), "mnist")).toThrow("expected version 1, got 2");
    expect(() => parseDigits(changed(7, 9), "fashion-mnist")).toThrow("fashion.bin.gz: expected 10 classes, got 9");
    expect(() => parseDigits(changed(16, 77), "mnist")).toThrow("expected 0..9, got 77");
  });
});

describe("drawings", () => {
  /** Draw a filled rectangle on a square. */
  const box = (size: number, left: number, top: number, width: number, height: number) => {
    const pixels = new Uint8Array(size * size);
    for (let y = top; y < top + height; y++) pixels.fill(255, y * size + left, y * size + left + width);
    return pixels;
  };
  const centre = (image: Float32Array) => {
    let [mass, x, y] = [0, 0, 0];
    image.forEach((v, i) => {
      mass += v;
      x += v * ((i % 28) + 0.5);
      y += v * (Math.floor(i / 28) + 0.5);
    });
    return { mass, x: x / mass, y: y / mass };
  };

  test("scales the longer side to 20 pixels and centres the mass, for drawings of any size and position", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 300 }),
        fc.double({ min: 0.1, max: 0.8, noNaN: true }),
        fc.double({ min: 0.1, max: 0.8, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (size, wide, tall, offset) => {
          const [width, height] = [Math.ceil(wide * size), Math.ceil(tall * size)];
          const [left, top] = [Math.floor(offset * (size - width)), Math.floor((1 - offset) * (size - height))];
          const image = fitInk(box(size, left, top, width, height), size);
          const { mass, x, y } = centre(image);
          expect(Math.abs(x - 14)).toBeLessThan(0.6);
          expect(Math.abs(y - 14)).toBeLessThan(0.6);
          const long = Math.max(width, height);
          const area = (20 / long) ** 2 * width * height;
          // Drawings smaller than the image blur, which adds up to one pixel around.
          expect(mass / 255 / area).toBeGreaterThan(0.9);
          expect(Math.max(...image)).toBeLessThanOrEqual(255.001);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("fits to another side; refuses an empty drawing and one that is not square", () => {
    expect(fitInk(box(100, 10, 10, 30, 60), 100, 12)).toHaveLength(144);
    expect(() => fitInk(new Uint8Array(100), 10)).toThrow("the drawing is empty");
    expect(() => fitInk(new Uint8Array(99), 10)).toThrow("expected 100 pixels, got 99");
  });

  test("computes softmax of large logits", () => {
    const p = softmaxOf([1000, 1000, 800]);
    expect([...p]).toEqual([0.5, 0.5, 0]);
  });
});

test("a layer's picture counts zeros, and weights in bins of equal width", () => {
  const weights = Float32Array.of(0, 0.5, -0.5, 0, 1.9);
  const { zeros, histogram, threshold } = describeLayer("w", weights, Float32Array.of(0.1, 0.6, -0.6, 0, 2), 0.1);
  expect([zeros, threshold, histogram.range]).toEqual([2, 0.1, 2]);
  expect(histogram.effective.reduce((a, b) => a + b)).toBe(3);
  expect(histogram.stored?.reduce((a, b) => a + b)).toBe(4);
  expect([histogram.effective[40], histogram.effective[24], histogram.effective[62]]).toEqual([1, 1, 1]);
  expect(describeLayer("w", new Float32Array(3), null, 0).histogram).toMatchObject({ range: 1, stored: null });
});

describe("dropped files", () => {
  const file = (path: string, bytes: Uint8Array, type = ""): DroppedFile => ({
    path,
    file: new Blob([new Uint8Array(bytes)], { type }),
  });
  const pair = (prefix: string, n: number, seed: number, pack = false): DroppedFile[] => {
    const data = squares(n, 28, seed);
    const wrap = (b: Uint8Array) => (pack ? gzipSync(b) : b);
    const end = pack ? ".gz" : "";
    return [
      file(`any/${prefix}-images-idx3-ubyte${end}`, wrap(idxImages(n, data.images))),
      file(`any/${prefix}-labels-idx1-ubyte${end}`, wrap(idxLabels(data.labels))),
    ];
  };

  test("reads four IDX files, gzipped or not", async () => {
    const { train, test } = await datasetOf([...pair("train", 40, 1, true), ...pair("t10k", 12, 2)]);
    expect([train.length, test.length, train.classes, train.name]).toEqual([40, 12, ["0", "1", "2", "3"], "files"]);
  });

  test("without a test set every sixth image is used for testing", async () => {
    const { train, test } = await datasetOf(pair("train", 40, 1));
    const all = squares(40, 28, 1);
    expect([train.length, test.length]).toEqual([34, 6]);
    expect([...test.labels]).toEqual([5, 11, 17, 23, 29, 35].map((i) => all.labels[i]));
  });

  test("names a corrupt or missing IDX file", async () => {
    const [images, labels] = pair("train", 40, 1) as [DroppedFile, DroppedFile];
    const cut = file(images.path, new Uint8Array(await images.file.arrayBuffer()).subarray(0, 1000));
    await expect(datasetOf([cut, labels])).rejects.toThrow(/train-images-idx3-ubyte: truncated/);
    await expect(datasetOf([images])).rejects.toThrow("train-labels-idx1-ubyte: missing");
    await expect(datasetOf(pair("t10k", 12, 1))).rejects.toThrow("train-images-idx3-ubyte");
    const zipped = gzipSync(Uint8Array.from({ length: 200 }, (_, i) => (i * i) % 251)).subarray(0, 60);
    await expect(datasetOf([file("train-images-idx3-ubyte.gz", zipped)])).rejects.toThrow(/corrupt or truncated gzip/);
  });

  const decode = async (blob: Blob) => {
    const [value] = new Uint8Array(await blob.arrayBuffer());
    if (value === 255) throw new Error("not an image");
    return new Uint8Array(784).fill(value!);
  };
  const folder = (name: string, n: number, value: number) =>
    Array.from({ length: n }, (_, i) => file(`set/${name}/${String(i).padStart(2, "0")}.png`, Uint8Array.of(value)));

  test("reads images in folders: classes by name, every sixth image for testing", async () => {
    const files = [...folder("dog", 13, 40), ...folder("cat", 6, 90), file("set/.DS_Store", Uint8Array.of(1))];
    const { train, test } = await datasetOf(files, decode);
    expect(train.classes).toEqual(["cat", "dog"]);
    expect([train.length, test.length, train.shape]).toEqual([16, 3, [1, 28, 28]]);
    expect([...test.labels]).toEqual([0, 1, 1]);
    expect([train.images[0], train.images.at(-1), test.images[0]]).toEqual([90, 40, 90]);
  });

  test("names the problem of a folder", async () => {
    const dogs = folder("dog", 6, 40);
    await expect(datasetOf(dogs, decode)).rejects.toThrow("expected 2 to 100 classes, got 1");
    await expect(datasetOf([...dogs, ...folder("cat", 5, 1)], decode)).rejects.toThrow(
      "class cat: expected at least 6 images, got 5",
    );
    await expect(datasetOf([...dogs, ...folder("cat", 6, 255)], decode)).rejects.toThrow(
      "set/cat/00.png: this browser cannot read it as an image",
    );
    await expect(datasetOf([file("a.png", Uint8Array.of(1))], decode)).rejects.toThrow(
      "a.png: expected it in a folder",
    );
    await expect(datasetOf([file("notes.txt", Uint8Array.of(1))], decode)).rejects.toThrow("notes.txt: expected IDX");
    await expect(datasetOf([], decode)).rejects.toThrow("there are no files");
  });
});
