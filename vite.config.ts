import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { browserLaunch } from "./tools/chromium.ts";
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
      entry: { index: at("src/index.ts"), node: at("src/node/index.ts"), cli: at("src/cli/main.ts") },
      formats: ["es"],
    },
    rolldownOptions: { external: [/^node:/, ...packages] },
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.gpu.test.ts", "test/**/*.cli.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        // The command as a user runs it: each test starts processes.
        test: {
          name: "cli",
          include: ["test/**/*.cli.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "gpu",
          include: ["test/**/*.gpu.test.ts"],
          setupFiles: ["test/support/gpu_node.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["test/**/*.gpu.test.ts"],
          // Whole runs of every method, and the demo's worker: host code around kernels whose own tests are here.
          exclude: ["test/prune/methods/**", "test/demo/**"],
          setupFiles: ["test/support/gpu_browser.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: browserLaunch() }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
