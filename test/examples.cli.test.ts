// Runs the examples with few steps.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { browserLaunch } from "../tools/chromium.ts";

const root = resolve(import.meta.dirname, "..");

function example(name: string, ...args: string[]): Promise<{ code: number | null; lines: string[]; err: string }> {
  return new Promise((done) => {
    const flags = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", `examples/${name}`, ...args];
    const child = spawn(process.execPath, flags, { cwd: root });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.on("close", (code) => done({ code, lines: out.trim().split("\n"), err }));
  });
}

const numbers = (line: string | undefined) => (line?.match(/\d+(\.\d+)?/g) ?? []).map(Number);

test("mnist_mlp.ts trains and prunes", async () => {
  const { code, lines, err } = await example("mnist_mlp.ts", "--steps", "60");
  expect(code, err).toBe(0);
  const [adapter, first, last, test] = lines;
  expect(adapter).toMatch(/^adapter: ./);
  expect(first).toMatch(/^step 50 {2}loss \d\.\d{4} {2}threshold 0\.\d{4} {2}sparsity [\d.]+%$/);
  expect(last).toMatch(/^step 60 {2}loss/);
  const [, loss = 9, threshold, sparsity = 0] = numbers(last);
  expect(loss).toBeLessThan(1);
  expect(threshold).toBe(0.05);
  expect(sparsity).toBeGreaterThan(40);
  expect(test).toMatch(/^test accuracy [\d.]+%, [\d.]+% of the weights are zero$/);
  expect(numbers(test)[0]).toBeGreaterThan(80);
  expect(lines).toHaveLength(4);
});

test("quickstart.ts, the program of the README, trains and prunes", async () => {
  const { code, lines, err } = await example("quickstart.ts");
  expect(code, err).toBe(0);
  const [accuracy = 0, zeros] = numbers(lines[0]);
  expect(accuracy).toBeGreaterThan(0.95);
  expect(zeros).toBeCloseTo(0.9, 2);
});

test("mnist_session.ts trains and prunes", async () => {
  const { code, lines, err } = await example("mnist_session.ts");
  expect(code, err).toBe(0);
  const [last, accuracy] = lines.slice(-2);
  expect(last).toMatch(/^epoch 235: loss/);
  expect(numbers(last)[2]).toBeGreaterThan(93);
  expect(numbers(accuracy)[0]).toBeGreaterThan(96);
});

test("prune_custom_model.ts learns while it is pruned", async () => {
  const { code, lines, err } = await example("prune_custom_model.ts", "--steps", "150");
  expect(code, err).toBe(0);
  const [, first, last, accuracy, one, two] = lines;
  expect(first).toMatch(/^step 100 {2}loss/);
  expect(last).toMatch(/^step 150 {2}loss/);
  expect(accuracy).toMatch(/^accuracy [\d.]+%$/);
  expect(numbers(accuracy)[0]).toBeGreaterThan(60);
  for (const line of [one, two]) {
    expect(line).toMatch(/^(first|second): [\d.]+% of 4096 weights are zero$/);
    expect(numbers(line)[0]).toBeGreaterThan(10);
  }
});

test("cifar10_resnet.ts trains, prunes and saves sparse weights", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-cifar-"));
  try {
    const images = 20;
    const records = new Uint8Array(images * 3073).map((_, i) => (i % 3073 === 0 ? (i / 3073) % 10 : (i * i) % 251));
    for (const name of ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"])
      writeFileSync(join(folder, `${name}.bin`), records);
    const out = join(folder, "weights", "sparse.safetensors");
    const flags = ["--data", folder, "--images-per-file", String(images), "--epochs", "1", "--out", out];
    const { code, lines, err } = await example("cifar10_resnet.ts", ...flags);
    expect(code, err).toBe(0);
    expect(lines[0]).toMatch(/^adapter: ./);
    expect(lines[1]).toMatch(/^step 1\/1 {2}loss \d\.\d{3} {2}zeros [\d.]+%$/);
    expect(lines[2]).toMatch(/^epoch 1 {2}test accuracy [\d.]+% {2}zeros [\d.]+% {2}\d+ s$/);
    expect(lines[3]).toBe("conv1.weight: 0.0% of 432 weights are zero");
    expect(lines.at(-1)).toMatch(/sparse\.safetensors: \d+ bytes$/);
    expect(existsSync(out)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("cifar10_resnet.ts says in one line which data to fetch", async () => {
  const { code, err } = await example("cifar10_resnet.ts", "--data", "no/such/folder");
  expect(code).toBe(1);
  expect(err.trim()).toMatch(
    /^no\/such\/folder: data_batch_1\.bin: .*Fetch cifar-10-binary\.tar\.gz, .* with --data\.$/,
  );
});

test("prune_torchvision.ts reads a .pth, prunes and exports", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-torch-"));
  try {
    const flags = ["--epochs", "1", "--images", "36", "--out", folder];
    const { code, lines, err } = await example("prune_torchvision.ts", ...flags);
    expect(code, err).toBe(0);
    expect(lines[1]).toContain(
      "random_resnet18.pth: random weights, in the format and with the names of torchvision's resnet18",
    );
    expect(lines[2]).toBe("100 arrays loaded; fc is new: 3 outputs, the file has 1000");
    expect(lines.at(-2)).toMatch(/^test accuracy [\d.]+ % with 80 % zeros$/);
    const [sparse = 0, onnx = 0] = numbers(lines.at(-1)?.replace(/^.*: /, ""));
    expect(sparse).toBeLessThan(onnx / 3);
    expect(existsSync(join(folder, "model.onnx"))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("own_op.ts checks its gradient, learns and exports to ONNX", async () => {
  const { code, lines, err } = await example("own_op.ts", "--steps", "800");
  expect(code, err).toBe(0);
  expect(Number(/^gradcheck: 5 gradients, largest error (\S+)$/.exec(lines[1]!)?.[1])).toBeLessThan(1e-5);
  expect(Number(/^after 800 steps: mean squared error (\S+)$/.exec(lines[2]!)?.[1])).toBeLessThan(0.05);
  expect(lines[3]).toMatch(/^ONNX: \d+ bytes$/);
});

test("lasso.ts recovers the support of the signal", async () => {
  const { code, lines, err } = await example("lasso.ts", "--steps", "1000");
  expect(code, err).toBe(0);
  expect(lines[1]).toMatch(/^signal: {4}24 of 1024 numbers are not zero: 11 19 47 /);
  const [found = 0, common] = numbers(lines[2]);
  expect(found).toBeLessThan(60);
  expect(common).toBe(24);
  expect(numbers(lines[3])[0]).toBeLessThan(6);
});

test("logistic.ts selects the inputs that decide", async () => {
  const { code, lines, err } = await example("logistic.ts");
  expect(code, err).toBe(0);
  const [selected = 0] = numbers(lines[1]);
  expect(selected).toBeLessThan(50);
  expect(lines[2]).toBe("8 of the 8 that decide are among them");
  expect(numbers(lines[3])[0]).toBeGreaterThan(85);
});

test("dictionary.ts recovers the atoms and sparse codes", async () => {
  const { code, lines, err } = await example("dictionary.ts");
  expect(code, err).toBe(0);
  const [near, all, zeros] = numbers(lines[1]);
  expect(near).toBe(all);
  expect(zeros).toBeGreaterThan(70);
});

test("page.html trains and prunes in Chromium, served without a build of the page", async () => {
  const flags = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "tools/example.ts", "page", "--port", "0"];
  const server = spawn(process.execPath, flags, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const address = await new Promise<string>((done, failed) => {
      server.stdout.on("data", (chunk) => done(/http:\S+/.exec(String(chunk))?.[0] ?? ""));
      server.on("close", (code) => failed(new Error(`the server ended with ${code}`)));
    });
    const browser = await chromium.launch(browserLaunch());
    try {
      const page = await browser.newPage();
      await page.goto(address);
      await page.waitForSelector("body[data-done]", { timeout: 200_000 });
      const line = (await page.textContent("#line")) ?? "";
      expect(line).toMatch(/^.+: epoch 60, accuracy [\d.]+ %, zeros [\d.]+ %$/);
      const [accuracy, zeros] = numbers(line).slice(-2);
      expect(accuracy).toBeGreaterThan(95);
      expect(Math.abs(zeros! - 90)).toBeLessThanOrEqual(0.5);
    } finally {
      await browser.close();
    }
  } finally {
    server.kill();
  }
});

test("npm run example lists the examples and their purposes", async () => {
  const { code, lines } = await example("../tools/example.ts");
  expect(code).toBe(0);
  expect(lines[2]).toMatch(/^ {2}cifar10_resnet {2,}Trains ResNet-20 on CIFAR-10 .*\.$/);
  expect(lines.some((line) => line.startsWith("  page "))).toBe(true);
});

test("npm run example lists the examples if the name is unknown", async () => {
  const { code, err } = await example("../tools/example.ts", "nothing");
  expect(code).toBe(2);
  expect(err).toMatch(
    /^example: expected one of cifar10_resnet, dictionary, lasso, logistic, mnist_mlp, .*, got nothing$/m,
  );
});

test("npm run example passes flags on", async () => {
  const { code, err } = await example("../tools/example.ts", "mnist_mlp", "--steps", "none");
  expect(code).toBe(1);
  expect(err).toContain("--steps");
});

test.each(["mnist_mlp.ts", "prune_custom_model.ts"])("%s refuses an invalid number of steps", async (name) => {
  const { code, err } = await example(name, "--steps", "none");
  expect(code).toBe(1);
  expect(err).toContain("--steps: expected an integer >= 1, got none");
});

test("examples are short and use the public surface only", () => {
  for (const [name, most] of [
    ["mnist_mlp.ts", 100],
    ["cifar10_resnet.ts", 120],
    ["prune_custom_model.ts", 120],
    ["quickstart.ts", 22],
    ["own_op.ts", 150],
    ["lasso.ts", 60],
    ["logistic.ts", 60],
    ["dictionary.ts", 60],
  ] as const) {
    const text = readFileSync(resolve(root, "examples", name), "utf8");
    expect(text.split("\n").length, name).toBeLessThan(most);
    const own = [...text.matchAll(/from "(\.[^"]*)"/g)].map((m) => m[1]);
    expect(own, name).toEqual([]);
  }
});

test("spiking_events.ts learns motion", async () => {
  const { code, lines, err } = await example(
    ...(["spiking_events.ts", "--epochs", "3", "--samples", "960", "--threshold", "0.01"] as const),
  );
  expect(code, err).toBe(0);
  expect(lines[0]).toMatch(/^adapter: ./);
  expect(lines[3]).toMatch(/^epoch 3 {2}loss \d\.\d{3} {2}accuracy [\d.]+% {2}zeros [\d.]+%$/);
  const rates = lines.slice(4, 7).map((line) => /^sn\d: \d+ neurons fire in ([\d.]+)% of the steps$/.exec(line)?.[1]);
  for (const rate of rates) expect(Number(rate)).toBeGreaterThan(0);
  const [synOps = 0, dense = 0] = numbers(lines[7]);
  expect(synOps).toBeGreaterThan(0);
  expect(synOps).toBeLessThan(dense / 5);
  expect(lines).toHaveLength(8);
});

test("sew_resnet_step.ts takes steps and prints their memory", async () => {
  const { code, lines, err } = await example("sew_resnet_step.ts", "--size", "32", "--steps", "2", "--batch", "2");
  expect(code, err).toBe(0);
  expect(lines[1]).toBe("SEW ResNet-18: 11689512 parameters, T = 2, batch 2, 32x32");
  expect(lines[2]).toMatch(/^first step: [\d.]+ s, loss \d\.\d{3}$/);
  const [peak = 0, own = 0, ratio = 0] = numbers(lines[4]);
  expect(own).toBeLessThan(peak);
  expect(ratio).toBeLessThan(1.1);
});
