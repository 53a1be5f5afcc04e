// Node loader hook: an import that ends in `.wgsl` becomes a module exporting its text; `.wgsl?raw` without included files.
import { fileURLToPath } from "node:url";
import { wgslModule, wgslRawModule } from "./wgsl_text.mjs";

export async function load(url, context, nextLoad) {
  const clean = url.split("?")[0];
  if (!clean.endsWith(".wgsl")) return nextLoad(url, context);
  const source = (url.endsWith("?raw") ? wgslRawModule : wgslModule)(fileURLToPath(clean));
  return { format: "module", shortCircuit: true, source };
}
