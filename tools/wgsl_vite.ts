// Vite plugin for shader imports: `import text from "x.wgsl"` yields the shader's text with includes pasted. A build takes the
// text without comments and indentation, and stores each included file once for all shaders.
import { readFileSync } from "node:fs";
// @ts-expect-error plain JavaScript shared with the Node loader hook
import { includedFiles, wgslLinkedModule, wgslModule, wgslPartsModule, wgslRawModule } from "./wgsl_text.mjs";

const PARTS = "?parts";

interface Watcher {
  addWatchFile(path: string): void;
}

let building = false;

export const wgsl = {
  name: "wgsl",
  enforce: "pre" as const,
  configResolved(config: { readonly command: string }): void {
    building = config.command === "build";
  },
  load(this: Watcher, id: string): { code: string; moduleSideEffects: false } | undefined {
    const path = id.split("?")[0] ?? id;
    if (!path.endsWith(".wgsl")) return undefined;
    const made = (code: string) => ({ code, moduleSideEffects: false as const });
    if (id.endsWith("?raw")) return made(wgslRawModule(path) as string);
    if (id.endsWith(PARTS)) return made(wgslPartsModule(path) as string);
    if (building) return made(wgslLinkedModule(path, (file: string) => file + PARTS) as string);
    for (const file of includedFiles(readFileSync(path, "utf8"), path) as string[]) this.addWatchFile(file);
    return made(wgslModule(path) as string);
  },
};
