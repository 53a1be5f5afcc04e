// Writes the fields that all published manifests share. Their place is package.json at the root of the repository.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGES, type PackageLayout } from "./layout.ts";
import { ROOT } from "./scripts.ts";

type Fields = Readonly<Record<string, unknown>>;

const SHARED = ["license", "author", "homepage", "bugs", "repository", "engines", "type"] as const;

const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), "utf8")) as Fields;

/** Return the manifest of a package with the shared fields of the root. */
export function sharedManifest(layout: PackageLayout): Fields {
  const [root, own] = [read("package.json"), read(`${layout.folder}/package.json`)];
  const shared = Object.fromEntries(SHARED.map((field) => [field, root[field]]));
  return {
    ...own,
    ...shared,
    repository: { ...(root["repository"] as object), directory: layout.folder },
    publishConfig: { access: "public" },
    sideEffects: false,
  };
}

/** Write the manifests that differ. */
export function writeManifests(): void {
  for (const layout of PACKAGES) {
    const path = join(ROOT, layout.folder, "package.json");
    const text = `${JSON.stringify(sharedManifest(layout), null, 2)}\n`;
    if (readFileSync(path, "utf8") !== text) writeFileSync(path, text);
  }
}
