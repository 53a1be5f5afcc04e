// Installs the tarballs into empty folders: number of packages, size, and what works without optional parts.
import { join } from "node:path";
import { expect, test } from "vitest";
import { must } from "../../src/setup/command.ts";
import { npmInstall, pnpmInstall, weigh } from "./support/install.ts";
import { packedPackages } from "./support/packed.ts";
import { writePrograms } from "./support/programs.ts";

const { folder, tarballs, installed } = packedPackages();

/** Print a size beside its limits. */
const report = (what: string, { packages, mebibytes }: Awaited<ReturnType<typeof weigh>>) =>
  console.log(`npm install ${what}: ${packages.length} packages, ${mebibytes.toFixed(1)} MiB`);

test("espalier installs as 1 package of at most 4 MiB", async () => {
  const project = join(folder, "espalier");
  await npmInstall(project, [tarballs.espalier]);
  const weight = await weigh(project);
  report("espalier", weight);
  expect(weight.packages).toEqual(["espalier"]);
  expect(weight.mebibytes).toBeLessThanOrEqual(4);
});

test("@espalier/node installs as at most 140 MiB, with Dawn and its own dependencies only", async () => {
  const project = join(folder, "node");
  await npmInstall(project, [tarballs.espalier, tarballs.node]);
  const weight = await weigh(project);
  report("@espalier/node", weight);
  // The package webgpu holds Dawn and brings three small ones.
  const dawn = ["@webgpu/types", "debug", "ms", "webgpu"];
  expect(weight.packages).toEqual(["@espalier/node", "espalier", ...dawn].sort());
  expect(weight.mebibytes).toBeLessThanOrEqual(140);
});

test("@espalier/cli installs as at most 200 MiB", async () => {
  const weight = await weigh(installed);
  report("@espalier/cli", weight);
  expect(weight.mebibytes).toBeLessThanOrEqual(200);
});

test("trains and runs the command where pnpm lets packages import only what they declare", async () => {
  const project = join(folder, "pnpm");
  await pnpmInstall(project, tarballs);
  await writePrograms(project);
  const { stdout } = await must("cannot train", process.execPath, ["host.mjs"], { cwd: project, seconds: 60 });
  expect(JSON.parse(stdout)).toHaveLength(8);
  const command = join(project, "node_modules/.bin/espalier");
  await must("cannot plan a run", command, ["train", "mnist_lenet", "--dry-run"], { cwd: project, seconds: 60 });
});
