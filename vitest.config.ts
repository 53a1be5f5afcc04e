// The test suites: unit and memory (Node), cli (processes), gpu (any adapter, in Node), browser (the same tests in Chromium),
// demo (the built site in Chromium) and package (the packed packages, installed).
import { availableParallelism } from "node:os";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { browserLaunch } from "./tools/chromium.ts";
import { wgsl } from "./tools/wgsl_vite.ts";

export default defineConfig({
  plugins: [wgsl],
  resolve: { tsconfigPaths: true },
  test: {
    projects: [
      {
        extends: true,
        // One thread per core, and modules are loaded once per thread: half the CPU time of a process per file.
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.{memory,gpu,cli,demo,package}.test.ts"],
          pool: "threads",
          isolate: false,
          maxWorkers: availableParallelism(),
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        // Files that measure the memory of their process: each has a process of its own.
        test: {
          name: "memory",
          include: ["test/**/*.memory.test.ts"],
          maxWorkers: availableParallelism(),
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        // The command line: each test starts processes.
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
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["test/**/*.gpu.test.ts"],
          // Whole runs of every method, whole networks, and the demo's worker are host code around kernels, and the tests of
          // the kernels run here. ONNX Runtime checks exports in Node.
          exclude: [
            "test/examples_in_docs.gpu.test.ts",
            "test/prune/methods/**",
            "test/models/zoo.gpu.test.ts",
            "test/demo/**",
            "test/export/**",
            "test/node/**",
          ],
          setupFiles: ["test/support/gpu_browser.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 1 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: browserLaunch() }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
      {
        extends: true,
        // The built site, rendered in software: the tests are slow and run one by one.
        test: {
          name: "demo",
          include: ["test/**/*.demo.test.ts"],
          globalSetup: ["test/demo/site/build.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        // The packed packages, as users install them: processes, bundlers, a browser.
        test: {
          name: "package",
          include: ["test/package/**/*.package.test.ts"],
          globalSetup: ["test/package/setup.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
