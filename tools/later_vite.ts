// Vite plugin for rare parts of the engine: a build of the demo loads them when they are first called. The engine imports them statically,
// since a bundler without splitting would wrap all of it for one `import()`.
import { fileURLToPath } from "node:url";

/** Asynchronous functions by their module, below src. */
export const LATER_PARTS: Readonly<Record<string, readonly string[]>> = {
  "train/session_compact.ts": ["compactBetween"],
  "train/session_sparsify.ts": ["useSparseKernels"],
};

/** Marks the module itself, which the functions load. */
const WHOLE = "?whole";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const files = new Map(Object.entries(LATER_PARTS).map(([file, names]) => [root + file, names]));

let building = false;

export const later = {
  name: "later",
  enforce: "pre" as const,
  configResolved(config: { readonly command: string }): void {
    building = config.command === "build";
  },
  load(id: string): { code: string; moduleSideEffects: false } | undefined {
    const names = building ? files.get(id) : undefined;
    if (!names) return undefined;
    const whole = JSON.stringify(id + WHOLE);
    const lines = names.map(
      (name) => `export const ${name} = (...args) => import(${whole}).then((m) => m.${name}(...args));`,
    );
    return { code: lines.join("\n"), moduleSideEffects: false };
  },
};
