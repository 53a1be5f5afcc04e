// Builds the demo (`npm run dev` and `vite build`): the pages under demo/ become static files in dist-demo, for any web server
// and any path.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { texts } from "./demo/texts/html_texts.ts";
import { digits } from "./tools/digits_vite.ts";
import { later } from "./tools/later_vite.ts";
import { offline } from "./tools/offline_vite.ts";
import { wgsl } from "./tools/wgsl_vite.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at("demo"),
  base: "./",
  resolve: { tsconfigPaths: true },
  plugins: [wgsl, digits, offline, texts],
  // One chunk for all that the worker loads first: many small ones are 10 kB larger when compressed.
  worker: {
    format: "es",
    plugins: () => [wgsl, later],
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "engine", tags: ["$initial"] }] } } },
  },
  build: {
    target: "es2022",
    outDir: at("dist-demo"),
    emptyOutDir: true,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      // One entry per page, and the service worker: its name must be stable, and its folder is its scope.
      input: {
        index: at("demo/index.html"),
        bench: at("demo/bench.html"),
        teach: at("demo/teach.html"),
        sw: at("demo/offline/sw.ts"),
      },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
});
