// Spiking networks and event data from the command line: what a run reports and leaves, and what it refuses.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { syntheticEvents } from "../../src/data/index.ts";
import { writeNMnist } from "../../src/io/index.ts";
import { ownLines } from "../support/cli.ts";
import { espalierHere as espalier } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-spiking-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

interface Report {
  accuracy: number;
  sparsity: number;
  loss: number;
  activity: {
    timeSteps: number;
    spiking: { name: string; rate: number }[];
    total: { macs: number; synOps: number; denseMacs: number };
  };
}

const lastJson = (out: string) => JSON.parse(out.trim().split("\n").at(-1)!) as Report;

describe("spiking-cnn on images", () => {
  const data = squaresFolder(at("data"), 400, 80);
  const images = ["--data", "idx", "--data-dir", data];

  test("reports activity, draws spikes, and eval gives the same numbers", async () => {
    const out = at("images");
    const flags = ["--model", "spiking-cnn", "-T", "3", "--neuron", "plif", "--tau", "1.5", "--surrogate", "sigmoid"];
    const run = await espalier([
      ...["train", ...flags, ...images, "--epochs", "2", "--batch-size", "16", "--threshold", "0.05"],
      ...["--json", "--out", out],
    ]);
    expect(run.code, run.err).toBe(0);
    const { accuracy, sparsity, activity } = lastJson(run.out);
    expect(accuracy).toBeGreaterThan(0.9);
    expect(sparsity).toBeGreaterThan(0.2);
    expect(activity.timeSteps).toBe(3);
    expect(activity.spiking.map((layer) => layer.name)).toEqual(["sn1", "sn2", "sn3"]);
    for (const { rate } of activity.spiking) {
      expect(rate).toBeGreaterThan(0.005);
      expect(rate).toBeLessThan(0.8);
    }
    expect(activity.total.synOps).toBeGreaterThan(0);
    expect(activity.total.synOps).toBeLessThan(activity.total.denseMacs);
    expect(readFileSync(join(out, "spikes.svg"), "utf8")).toMatch(/^<svg[\s\S]*Membrane potential[\s\S]*<\/svg>\s*$/);
    expect(existsSync(join(out, "spikes.png"))).toBe(true);

    const evaluated = await espalier(["eval", out, "--data-dir", data, "--json"]);
    expect(evaluated.code, evaluated.err).toBe(0);
    const again = lastJson(evaluated.out);
    expect(again).toMatchObject({ accuracy, sparsity });
    expect(again.activity.spiking).toEqual(activity.spiking);
  });

  test("random spikes are the same in a second evaluation", async () => {
    const out = at("poisson");
    const flags = ["--model", "spiking-cnn", "--encoder", "poisson", "-T", "2", "--schedule", "none"];
    const run = await espalier([
      "train",
      ...flags,
      ...images,
      "--epochs",
      "1",
      "--batch-size",
      "40",
      "--json",
      "--out",
      out,
    ]);
    expect(run.code, run.err).toBe(0);
    const evaluated = await espalier(["eval", out, "--data-dir", data, "--json"]);
    expect(evaluated.code, evaluated.err).toBe(0);
    const want = lastJson(run.out);
    expect(lastJson(evaluated.out)).toMatchObject({ accuracy: want.accuracy, loss: want.loss });
    expect(lastJson(evaluated.out).activity).toEqual(want.activity);
  });

  test.each([
    [
      "--neuron lif",
      /^espalier: --neuron: model.neuron: expected no value: it is for spiking networks \(spiking-cnn, .*model.name is lenet-bn; got "lif"/,
    ],
    [
      "-T 4",
      /^espalier: --time-steps: model.timeSteps: .* for spiking networks and event data, and model.name is lenet-bn, data.name is idx/,
    ],
    [
      "--model spiking-cnn --neuron if --tau 3",
      /^espalier: --tau: model.tau: expected no value: .* the neurons of spiking-cnn are if/,
    ],
    ["--model spiking-cnn --tau 1", /model.tau: expected a number > 1, got 1/],
    [
      "--frame-size 16",
      /^espalier: --frame-size: data.size: expected no value: it is for event data and data images, and data.name is idx/,
    ],
    ["--model spiking-cnn --neuron izhikevich", /--neuron: expected one of if, lif, plif, got izhikevich/],
  ])("refuses %s", async (flags, message) => {
    const { code, err } = await espalier(["train", ...images, ...flags.split(" "), "--out", at("never")]);
    expect(code).not.toBe(0);
    expect(ownLines(err).join("\n")).toMatch(message);
    expect(existsSync(at("never"))).toBe(false);
  });
});

describe("event data", () => {
  test("moving shapes: names the folder after data and model, reports frames", async () => {
    const flags = ["--limit", "4", "-T", "4", "--epochs", "1", "--batch-size", "12", "--encoder", "direct"];
    const run = await espalier(["train", "--data", "events", ...flags, "--out", at("events")]);
    expect(run.code, run.err).toBe(0);
    expect(run.out).toContain("spiking-cnn on events: 48 recordings of 4 frames to train, 12 to test");
    expect(run.out).toMatch(/firing rate/);
    expect(run.out).toMatch(/energy of the weights' arithmetic/);
  });

  test("a folder of N-MNIST recordings, then eval of the model", async () => {
    const { recordings } = syntheticEvents({ samples: 20, size: 32 });
    recordings.forEach((recording, i) => {
      for (const part of ["Train", "Test"]) {
        const folder = join(at("n-mnist"), part, String(i % 10));
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, `${String(i).padStart(5, "0")}.bin`), writeNMnist(recording));
      }
    });
    const data = ["--data-dir", at("n-mnist")];
    const run = await espalier([
      ...["train", "--data", "n-mnist", ...data, "-T", "3", "--by", "time", "--frame-size", "17"],
      ...["--epochs", "1", "--batch-size", "10", "--json", "--out", at("n-mnist-run")],
    ]);
    expect(run.code, run.err).toBe(0);
    const { accuracy, activity } = lastJson(run.out);
    expect(activity.timeSteps).toBe(3);
    const evaluated = await espalier(["eval", at("n-mnist-run"), ...data, "--json"]);
    expect(evaluated.code, evaluated.err).toBe(0);
    expect(lastJson(evaluated.out).accuracy).toBe(accuracy);
  });

  test.each([
    [
      "--data events --encoder poisson",
      /^espalier: --encoder: model.encoder: expected direct, since data.name is events, which is spikes already/,
    ],
    ["--data n-mnist", /data.dir: expected a folder, since data.name is n-mnist, got nothing/],
    ["--data n-mnist --data-dir /nonexistent", /^espalier: .*nonexistent/],
  ])("refuses %s", async (flags, message) => {
    const { code, err } = await espalier(["train", ...flags.split(" "), "--out", at("never")]);
    expect(code).not.toBe(0);
    const [line = ""] = ownLines(err).filter((text) => !text.startsWith("read "));
    expect(line).toMatch(message);
    expect(existsSync(at("never"))).toBe(false);
  });
});
