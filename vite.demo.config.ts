// The pages under demo/, built to dist-demo: static files for any web server, at any path.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { digits } from "./tools/digits_vite.ts";
import { wgsl } from "./tools/wgsl_vite.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at("demo"),
  base: "./",
  plugins: [wgsl, digits],
  worker: { format: "es", plugins: () => [wgsl] },
  build: {
    target: "es2022",
    outDir: at("dist-demo"),
    emptyOutDir: true,
    chunkSizeWarningLimit: 1500,
    // One entry for each page.
    rolldownOptions: { input: { index: at("demo/index.html"), bench: at("demo/bench.html") } },
  },
});
