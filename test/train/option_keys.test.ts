// Options of the public entries that make data, models and sessions: an unknown key is refused by name before anything is done.
import { describe, expect, test } from "vitest";
import {
  buildModel,
  DataError,
  DataLoader,
  loadCifar10Dvs,
  loadDvsGesture,
  loadNMnist,
  loadNpzEvents,
  requestGpu,
  Session,
  syntheticEvents,
} from "../../src/internal.ts";
import { CapturedStep } from "../../src/tensor/capture.ts";
import { planRun } from "../../src/train/run_plan.ts";
import { tinyConfig } from "../support/tiny_session.ts";

const as = (options: object) => options as never;
const input = { channels: 1, size: 28, classes: 10 };
const config = tinyConfig({ threshold: 0.1 });
const source = { name: "nowhere", read: () => Promise.reject(new Error("read")) } as never;

describe("synchronous entries", () => {
  test.each<[string, () => unknown, string]>([
    [
      "a model's input",
      () => buildModel("lenet", as({ ...input, chanels: 3 })),
      "buildModel: input: unknown option chanels",
    ],
    [
      "a model's options",
      () => buildModel("lenet", input, as({ activationCheckpoints: true })),
      "did you mean activationCheckpoint?",
    ],
    [
      "neurons",
      () => buildModel("spiking-cnn", input, as({ spiking: { time_steps: 3 } })),
      "buildModel: spiking: unknown option time_steps",
    ],
    ["a loader", () => new DataLoader(as({ batchsize: 3 })), "DataLoader: unknown option batchsize"],
    ["made-up events", () => syntheticEvents(as({ samples: 3, noize: 1 })), "synthetic events: unknown option noize"],
    ["a recording", () => new CapturedStep(() => ({}), as({ replays: false })), "captureStep: unknown option replays"],
    ["a session", () => new Session(as({ modle: 1 })), "Session: unknown option modle, expected model"],
    [
      "a run's configuration",
      () => planRun(as({ ...config, learningRate: 1 }), 5),
      "run configuration: unknown option learningRate",
    ],
    [
      "its augmentation",
      () => planRun(as({ ...config, augment: { crop: 0, flip: false, rotate: 3 } }), 5),
      "augment: unknown option rotate",
    ],
    [
      "its pruning",
      () => planRun(as({ ...config, prune: { ...config.prune, beta: 0.1 } }), 5),
      "beta: expected nothing with schedule lats",
    ],
    [
      "its rates",
      () => planRun(as({ ...config, lr: { ...config.lr, milestones: [1] } }), 5),
      "milestones is for schedule multistep",
    ],
  ])("%s", (_name, make, message) => {
    expect(make).toThrow(message);
  });
});

test("loaders of recordings and the device", async () => {
  const options = as({ split: "train", frame: 8 });
  for (const load of [loadNMnist, loadDvsGesture, loadCifar10Dvs, loadNpzEvents]) {
    const refused = load(source, options);
    await expect(refused).rejects.toThrow(DataError);
    await expect(load(source, options)).rejects.toThrow(
      /unknown option frame, expected frames, .*did you mean frames\?/,
    );
  }
  await expect(requestGpu(as({ powerPreferense: "low-power" }))).rejects.toThrow(
    "requestGpu: unknown option powerPreferense, expected powerPreference",
  );
});
