// `npm run build:bench [-- FOLDER]`: bundles `npm run bench:gpu` into dist-bench/, one script that needs Node and the package webgpu only:
// for a machine with a GPU and without a network.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { gitCommit } from "../src/node_internal.ts";
// @ts-expect-error plain JavaScript shared with the Node loader hook
import { wgslModule } from "./wgsl_text.mjs";

const ROOT = resolve(import.meta.dirname, "..");
const OUT = resolve(process.argv[2] ?? join(ROOT, "dist-bench"));

const wgsl: Plugin = {
  name: "wgsl",
  setup({ onLoad }) {
    onLoad({ filter: /\.wgsl$/ }, ({ path }) => ({ contents: wgslModule(path) as string, loader: "js" }));
  },
};

await build({
  absWorkingDir: ROOT,
  entryPoints: { gpu: "bench/gpu/main.ts" },
  outdir: OUT,
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["webgpu", "koffi", "sharp", "hyparquet", "hyparquet-compressors"],
  // Packages in the older module format.
  banner: {
    js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
  },
  plugins: [wgsl],
  logLevel: "warning",
});
const { version } = JSON.parse(readFileSync(join(ROOT, "packages/espalier/package.json"), "utf8")) as {
  version: string;
};
// The engine finds its root by this name. The script reads the commit, because there is no git there.
const manifest = { name: "espalier-repository", version, private: true, type: "module", commit: gitCommit(ROOT) };
writeFileSync(join(OUT, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
process.stdout.write(`${join(OUT, "gpu.js")}: run it with node where the package webgpu is installed\n`);
