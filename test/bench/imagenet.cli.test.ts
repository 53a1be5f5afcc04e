// The benchmark of ImageNet networks on JPEG files: its steps train and prune.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { IMAGENET_MODELS, stepOf } from "../../bench/imagenet/step.ts";
import { stepLine, stepMarkdown } from "../../bench/imagenet/table.ts";
import { modelRegistry } from "../../src/models/index.ts";
import { installGpu } from "../../src/node_internal.ts";
import { jpegFolder } from "../support/jpeg_folder.ts";

let dir = "";
beforeAll(async () => {
  await installGpu();
  dir = await jpegFolder(await mkdtemp(join(tmpdir(), "espalier-imagenet-")), { perClass: 20, valPerClass: 1 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

// At 64 pixels. `npm run bench:imagenet` runs all of them at 224, which takes minutes on a software adapter.
test.each(["mobilenet-v1", "efficientnet-b0"])(
  "%s: a step from JPEG files moves the loss, prunes, and takes the memory that was predicted",
  async (name) => {
    const row = await stepOf(name, dir, { batch: 2, size: 64, steps: 1 });
    expect(row.losses).toHaveLength(2);
    for (const loss of row.losses) expect(loss).toBeGreaterThan(0);
    expect(row.losses[1]).not.toBe(row.losses[0]);
    expect(row.sparsity).toBeGreaterThan(0.01);
    expect(row.sparsity).toBeLessThan(0.9);
    expect(Math.abs(row.predictedBytes / row.peakBytes - 1)).toBeLessThan(0.05);
    expect(stepLine(row)).toContain(name);
    expect(stepMarkdown("About.", [row])).toMatch(new RegExp(`^\\| ${name} \\|`, "m"));
  },
);

test("lists every ImageNet network of the registry", () => {
  const small =
    /^(mlp|lenet|spiking-cnn|sew-net|sew-cifar|sew-gesture|stds|mobilenet-small|resnet-(8|20|32|44|56|110))/;
  expect(Object.keys(modelRegistry).filter((name) => !small.test(name))).toEqual(IMAGENET_MODELS);
});
