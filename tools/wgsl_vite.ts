// Vite's half of the shader imports: `import text from "x.wgsl"` yields the shader's text, includes pasted.
// @ts-expect-error plain JavaScript shared with the Node loader hook
import { wgslModule } from "./wgsl_text.mjs";

export const wgsl = {
  name: "wgsl",
  enforce: "pre" as const,
  load(id: string): string | undefined {
    const path = id.split("?")[0] ?? id;
    return path.endsWith(".wgsl") ? (wgslModule(path) as string) : undefined;
  },
};
