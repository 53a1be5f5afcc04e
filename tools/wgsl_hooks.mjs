// Node loader hook: an import that ends in `.wgsl` becomes a module exporting its text.
import { fileURLToPath } from "node:url";
import { wgslModule } from "./wgsl_text.mjs";

export async function load(url, context, nextLoad) {
  const clean = url.split("?")[0];
  if (!clean.endsWith(".wgsl")) return nextLoad(url, context);
  return { format: "module", shortCircuit: true, source: wgslModule(fileURLToPath(clean)) };
}
