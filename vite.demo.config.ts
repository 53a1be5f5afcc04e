// The pages under demo/, built to dist-demo: static files for any web server, at any path.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { wgsl } from "./tools/wgsl_vite.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at("demo"),
  base: "./",
  plugins: [wgsl],
  build: {
    target: "es2022",
    outDir: at("dist-demo"),
    emptyOutDir: true,
    chunkSizeWarningLimit: 1500,
    // One entry for each page.
    rolldownOptions: { input: { bench: at("demo/bench.html") } },
  },
});
