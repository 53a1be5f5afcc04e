// The library, `npm run build`: one file for pages, one for Node, one for exporters, one for the command line, shaders inside.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { wgsl } from "./tools/wgsl_vite.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Packages that users install with this one stay outside the build.
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
