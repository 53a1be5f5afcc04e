// Builds everything for a web server, `npm run site`: dist-site holds the documentation, and the demo in demo/.
import { join, resolve } from "node:path";
import { build } from "vite";
import { main } from "./build.mjs";
import { ROOT } from "./pages.ts";

const out = resolve(ROOT, process.argv[2] ?? "dist-site");
await main(out, {
  demo: true,
  async more() {
    const options = { outDir: join(out, "demo"), emptyOutDir: true };
    await build({ configFile: join(ROOT, "vite.config.ts"), logLevel: "warn", build: options });
  },
});
