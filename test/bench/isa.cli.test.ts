// `npm run bench:isa` with the compilers, where they are set up.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findMesa } from "../../bench/isa/mesa.ts";

const root = join(import.meta.dirname, "../..");
const isa = (...args: string[]) =>
  spawnSync(process.execPath, ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "bench/isa/main.ts", ...args], {
    cwd: root,
    encoding: "utf8",
  });

const missing = [
  findMesa() ? null : "Mesa's compilers are not unpacked: run `npm run bench:isa` once",
  existsSync("/usr/include/vulkan/vk_layer.h") ? null : "libvulkan-dev is not installed",
].find((reason) => reason !== null);

test("the four compilers read a shader file (skipped without the compilers)", (context) => {
  if (missing) context.skip(missing);
  const { status, stdout, stderr } = isa("--gpu", "all", "--shader", "shaders/max_pool2d.wgsl");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  for (const gpu of ["amd navi31", "nvidia 0x172", "apple m1", "adreno 740"])
    expect(stdout).toContain(`${gpu}, Mesa 2`);
  expect(stdout.match(/^\| max_pool2d \|/gm)).toHaveLength(4);
});

test("a wrong option is named", () => {
  const { status, stderr } = isa("--model", "resnet-21");
  expect(stderr).toContain(
    '--model: expected lenet-bn, resnet-20, resnet-50, mobilenet-v1, sew-resnet-18, got "resnet-21"',
  );
  expect(status).toBe(1);
});
