// Builds the JavaScript of a package: one module per file of src/, so that a bundler of a user can leave out the rest.
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative, resolve } from "node:path";
import { build, type Plugin } from "vite";
import { wgsl } from "../wgsl_vite.ts";
import { crossing, entriesOf, layoutOf, type Manifest, type PackageLayout, packageOf } from "./layout.ts";
import { shorter } from "./shorter.ts";

export const ROOT = resolve(import.meta.dirname, "../..");
const SRC = join(ROOT, "src");
const SHADERS = join(ROOT, "shaders");

/** Return a package's manifest. */
export function manifestOf<T = Manifest>(name: string): T {
  return JSON.parse(readFileSync(join(ROOT, layoutOf(name).folder, "package.json"), "utf8")) as T;
}

/** Return the entries of a package by the file under src/ from which each is made. */
export function entries(name: string): Map<string, string> {
  return entriesOf(manifestOf(name));
}

/** List the files under src/ that a package holds. */
export function filesOf(layout: PackageLayout): string[] {
  const all = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return all.filter((file) => packageOf(file) === layout).sort();
}

interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Return a check of package imports against the manifest. Returns true if a specifier stays an import. */
function dependencyRule(layout: PackageLayout): (specifier: string) => boolean {
  const { dependencies, optionalDependencies, peerDependencies } = manifestOf<Dependencies>(layout.name);
  const declared = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  const isOf = (name: string, specifier: string) => specifier === name || specifier.startsWith(`${name}/`);
  return (specifier) => {
    if (/^(?:node|bun):/.test(specifier) || declared.some((name) => isOf(name, specifier))) return true;
    if (builtinModules.includes(specifier))
      throw new Error(`${layout.name}: expected node:${specifier}, got ${specifier}`);
    if (layout.inlines.some((name) => isOf(name, specifier))) return false;
    throw new Error(`${layout.name}: ${specifier}: expected a dependency in ${layout.folder}/package.json, got none`);
  };
}

/** Replaces imports of other packages of this repository by specifiers, and checks imports of packages. */
function borders(layout: PackageLayout): Plugin {
  const staysImport = dependencyRule(layout);
  return {
    name: "borders",
    enforce: "pre",
    async resolveId(source, importer, options) {
      if (!importer?.startsWith(`${SRC}/`)) return null;
      if (!source.startsWith(".") && !source.startsWith("/")) {
        // Helpers that the compiler adds, such as the one for `using`.
        if (source.startsWith("@oxc-project/runtime/")) return null;
        return staysImport(source) ? { id: source, external: true } : null;
      }
      if (!source.endsWith(".ts")) return null;
      const resolved = await this.resolve(source, importer, { ...options, skipSelf: true });
      if (!resolved) return null;
      const id = crossing(relative(SRC, importer), relative(SRC, resolved.id), entries);
      return id === null ? resolved : { id, external: true };
    },
  };
}

/** A constant of a module that is made by a call or by `new`. */
const MADE = /^((?:export )?(?:const|let) \w+ = )(?=(?:new )?[\w.]+\()/gm;

/**
 * Marks the calls that make constants of modules as free of side effects, which those of this repository are: bundlers leave
 * out the ones that a page does not use, such as the ops and kernels of a file of which it uses one.
 */
const pureCalls: Plugin = {
  name: "pure-calls",
  transform(code, id) {
    if (!id.startsWith(`${SRC}/`)) return null;
    return { code: code.replace(MADE, "$1/* @__PURE__ */ "), map: null };
  },
};

const USING = join(ROOT, "tools/packages/using.js");
const HELPER = /@oxc-project.*\/usingCtx\.js$/;

/** Replaces the compiler's helper for `using`. */
const shortUsing: Plugin = {
  name: "short-using",
  transform: (_code, id) => (HELPER.test(id) ? { code: readFileSync(USING, "utf8"), map: null } : null),
};

/** Return the place of a module in `dist`. npm leaves folders named node_modules out of a package. */
function placeOf({ name, facadeModuleId }: { readonly name: string; readonly facadeModuleId: string | null }): string {
  const id = facadeModuleId ?? "";
  if (id.startsWith(SHADERS)) {
    const shader = relative(SHADERS, id)
      .replace(/\.wgsl\?raw$/, "_text")
      .replace(/\.wgsl(\?parts)?$/, "");
    return `shaders/${shader}.js`;
  }
  if (/node_modules\//.test(name)) return `${name.replace(/^.*node_modules\//, "vendor/")}.js`;
  if (HELPER.test(id) || HELPER.test(`${name}.js`)) return "text/using.js";
  return `${name}.js`;
}

/** Build the modules of a package into `outDir`. Returns the exported names by file in `outDir`. */
export async function buildScripts(layout: PackageLayout, outDir: string): Promise<Map<string, readonly string[]>> {
  const result = await build({
    configFile: false,
    root: ROOT,
    logLevel: "warn",
    plugins: [borders(layout), shortUsing, wgsl, pureCalls, shorter(SRC)],
    build: {
      target: "es2022",
      sourcemap: false, // modules and names are those of the sources; maps would be half of the package
      minify: false, // class names show in summaries, and bundlers of users minify anyway
      outDir,
      emptyOutDir: true,
      lib: { entry: filesOf(layout).map((file) => join(SRC, file)), formats: ["es"] },
      rolldownOptions: {
        checks: { bundlerTimings: false, pluginTimings: false },
        treeshake: { moduleSideEffects: false },
        output: {
          preserveModules: true,
          preserveModulesRoot: SRC,
          entryFileNames: placeOf,
          chunkFileNames: placeOf,
          // The declarations hold the comments.
          comments: { legal: true, annotation: true, jsdoc: false },
        },
      },
    },
  });
  const outputs = [result].flat().flatMap((r) => ("output" in r ? r.output : []));
  return new Map(outputs.flatMap((o) => (o.type === "chunk" ? [[o.fileName, o.exports] as const] : [])));
}
