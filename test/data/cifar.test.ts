// CIFAR's binary files: records in their order, and every way in which a file can be wrong.
import { describe, expect, test } from "vitest";
import { loadCifar10, loadCifar100 } from "../../src/data/cifar.ts";
import { memorySource } from "../../src/data/source.ts";

/** Records with these labels, whose pixels count on from `first`. */
function records(labels: readonly (readonly number[])[], first: number): Uint8Array {
  return Uint8Array.from(
    labels.flatMap((l, i) => [...l, ...Array.from({ length: 3072 }, (_, p) => (first + i + p) % 256)]),
  );
}

const ten = (folder = ""): Record<string, Uint8Array> => ({
  ...Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`${folder}data_batch_${i}.bin`, records([[i], [9]], 10 * i)])),
  [`${folder}test_batch.bin`]: records([[0], [4]], 200),
});
const two = { imagesPerFile: 2 };

describe("CIFAR-10", () => {
  test.each(["", "cifar-10-batches-bin/"])("files in %j are read in their order", async (folder) => {
    const train = await loadCifar10(memorySource(ten(folder)), "train", two);
    expect(train.shape).toEqual([3, 32, 32]);
    expect([...train.labels]).toEqual([1, 9, 2, 9, 3, 9, 4, 9, 5, 9]);
    expect([...train.images.subarray(2 * 3072, 2 * 3072 + 3)]).toEqual([20, 21, 22]);
    expect(train.classes[3]).toBe("cat");
    const test = await loadCifar10(memorySource(ten(folder)), "test", two);
    expect([...test.labels]).toEqual([0, 4]);
  });

  test("reads class names from the file beside", async () => {
    const names = "abcdefghij".split("").join("\n");
    const files = { ...ten(), "batches.meta.txt": new TextEncoder().encode(`${names}\n\n`) };
    expect((await loadCifar10(memorySource(files), "test", two)).classes[1]).toBe("b");
    const few = { ...files, "batches.meta.txt": new TextEncoder().encode("a\na\n") };
    await expect(loadCifar10(memorySource(few), "test", two)).rejects.toThrow(
      /batches.meta.txt: expected 10 distinct class names, got 1/,
    );
  });

  test("names what is missing, truncated or beyond the classes", async () => {
    await expect(loadCifar10(memorySource({}), "train")).rejects.toThrow(/data_batch_1.bin: no such file/);
    const { "data_batch_3.bin": _, ...four } = ten();
    await expect(loadCifar10(memorySource(four), "train", two)).rejects.toThrow(/data_batch_3.bin: no such file/);
    await expect(loadCifar10(memorySource(ten()), "train")).rejects.toThrow(
      /data_batch_1.bin: expected 10000 records of 3073 bytes, 30730000 in total, got 6146/,
    );
    const cut = { ...ten(), "test_batch.bin": records([[0], [4]], 0).subarray(1) };
    await expect(loadCifar10(memorySource(cut), "test", two)).rejects.toThrow(/in total, got 6145/);
    const beyond = { ...ten(), "test_batch.bin": records([[0], [10]], 0) };
    await expect(loadCifar10(memorySource(beyond), "test", two)).rejects.toThrow(/image 1 has label 10, there are 10/);
  });
});

describe("CIFAR-100", () => {
  const files = {
    "cifar-100-binary/train.bin": records(
      [
        [3, 77],
        [19, 0],
      ],
      0,
    ),
    "cifar-100-binary/test.bin": records([[20, 100]], 5),
  };

  test("fine labels, or coarse ones", async () => {
    const fine = await loadCifar100(memorySource(files), "train", two);
    expect([...fine.labels]).toEqual([77, 0]);
    expect(fine.classes).toHaveLength(100);
    expect([...fine.images.subarray(3072, 3075)]).toEqual([1, 2, 3]);
    const coarse = await loadCifar100(memorySource(files), "train", { ...two, labels: "coarse" });
    expect([...coarse.labels]).toEqual([3, 19]);
    expect(coarse.classes).toHaveLength(20);
  });

  test("labels beyond the classes, and other kinds of labels, are refused", async () => {
    const one = { imagesPerFile: 1 };
    await expect(loadCifar100(memorySource(files), "test", one)).rejects.toThrow(
      /has label 100, there are 100 classes/,
    );
    await expect(loadCifar100(memorySource(files), "test", { ...one, labels: "coarse" })).rejects.toThrow(
      /has label 20, there are 20 classes/,
    );
    const other = { labels: "medium" as "fine" };
    await expect(loadCifar100(memorySource(files), "test", other)).rejects.toThrow(/fine or coarse, got "medium"/);
  });
});
