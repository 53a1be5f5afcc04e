// `npm run build`: builds the published packages from src/ into packages/*/dist. `npm run build -- NAME...` builds some of them.
import { join } from "node:path";
import { addExtras } from "./packages/extras.ts";
import { layoutOf, PACKAGES } from "./packages/layout.ts";
import { writeManifests } from "./packages/manifests.ts";
import { buildScripts, ROOT } from "./packages/scripts.ts";
import { buildTypes } from "./packages/types.ts";

const names = process.argv.slice(2);
const layouts = names.length === 0 ? PACKAGES : names.map(layoutOf);

try {
  writeManifests();
  for (const layout of layouts) addExtras(layout, await buildScripts(layout, join(ROOT, layout.folder, "dist")));
  buildTypes(layouts);
} catch (cause) {
  process.stderr.write(`build: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
}
