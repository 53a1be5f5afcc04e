// Builds the library (`npm run build`): one file each for pages, Node, exporters and the command line, shaders included.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { wgsl } from "./tools/wgsl_vite.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Dependencies stay outside the build.
const manifest = JSON.parse(readFileSync(at("package.json"), "utf8")) as Record<string, Record<string, string>>;
const packages = Object.keys({ ...manifest["dependencies"], ...manifest["optionalDependencies"] });

export default defineConfig({
  plugins: [wgsl],
  build: {
    target: "es2022",
    sourcemap: true,
    minify: false, // class names show in summaries, and those who bundle us minify anyway
    lib: {
      entry: {
        index: at("src/index.ts"),
        node: at("src/node.ts"),
        export: at("src/export/index.ts"),
        cli: at("src/cli/main.ts"),
      },
      formats: ["es"],
    },
    rolldownOptions: { external: [/^node:/, ...packages.map((name) => new RegExp(`^${name}(/|$)`))] },
  },
});
