// Runs the installed command `espalier`, with and without the optional packages.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { must } from "../../src/setup/command.ts";
import { npmInstall } from "./support/install.ts";
import { packedPackages } from "./support/packed.ts";

const { folder, tarballs, installed } = packedPackages();
const bare = join(folder, "without_optional");

/** Run the command in a project. Returns its output. */
const espalier = async (cwd: string, ...args: string[]): Promise<string> => {
  const command = join(cwd, "node_modules/.bin/espalier");
  return (await must(`espalier ${args.join(" ")}`, command, args, { cwd, seconds: 120 })).output;
};

beforeAll(() => npmInstall(bare, Object.values(tarballs), ["--omit=optional"]));

test("npx espalier --version prints the version", async () => {
  const args = ["--no-install", "espalier", "--version"];
  const { stdout } = await must("npx espalier", "npx", args, { cwd: installed, seconds: 60 });
  expect(stdout).toMatch(/\b\d+\.\d+\.\d+\b/);
});

describe.each([
  ["with all packages", installed],
  ["without optional packages", bare],
])("%s", (_, project) => {
  test("doctor finds an adapter", async () => {
    expect(await espalier(project, "doctor")).toMatch(/\w/);
  });

  test("recipes lists the recipes by name", async () => {
    expect(await espalier(project, "recipes")).toContain("mnist_lenet");
  });

  test("train takes a recipe by name and writes a run", async () => {
    const text = await espalier(project, "train", "mnist_lenet", "--epochs", "1", "--limit", "100");
    expect(text).toMatch(/epoch 1\/1/);
    expect(await readdir(join(project, "runs/mnist_lenet"))).toEqual(
      expect.arrayContaining(["README.md", "config.yaml", "model.onnx", "model.safetensors", "run.json"]),
    );
  });
});
