// Set-up of the package tests: builds and packs the packages, and installs all of them into one folder for most tests.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { must } from "../../src/setup/command.ts";
import { npmInstall, type Tarballs } from "./support/install.ts";
import type { Packed } from "./support/packed.ts";

const root = resolve(import.meta.dirname, "../..");

/** Pack the built workspaces into a folder. */
async function pack(folder: string): Promise<Tarballs> {
  const workspaces = ["espalier", "node", "cli"].flatMap((name) => ["-w", `packages/${name}`]);
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder, ...workspaces];
  const { stdout } = await must("cannot pack the packages", "npm", args, { cwd: root });
  const [espalier, node, cli] = (JSON.parse(stdout) as { filename: string }[]).map((packed) =>
    join(folder, packed.filename),
  );
  return { espalier: espalier!, node: node!, cli: cli! };
}

/** Build, pack and install the packages. */
async function prepare(folder: string): Promise<Packed> {
  // The tests' NODE_ENV would change a build.
  await must("cannot build the packages", "npm", ["run", "build"], { cwd: root, env: { NODE_ENV: "production" } });
  const tarballs = await pack(folder);
  const installed = join(folder, "installed");
  await npmInstall(installed, Object.values(tarballs));
  return { folder, tarballs, installed };
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "espalier-package-"));
  // A failure here, such as a missing network, fails the tests of this project; an error would end the others too.
  const packed = await prepare(folder).catch((cause: Error) => ({ problem: cause.message }));
  project.provide("packed", packed);
  return () => rm(folder, { recursive: true, force: true });
}
