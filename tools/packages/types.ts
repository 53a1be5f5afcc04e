// Builds the declarations of the packages: those of the compiler, with the specifiers of the published files, and with the
// types of WebGPU and of `using` that a user's TypeScript may lack.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { crossing, PACKAGES, type PackageLayout } from "./layout.ts";
import { entries, filesOf, manifestOf, ROOT } from "./scripts.ts";
import { gpuTypesIn, webgpuCopy, webgpuModule } from "./webgpu_types.ts";

const SPECIFIER = /((?:\bfrom|\bimport)\s*\(?\s*)"([^"]+)"/g;
const DISPOSABLE = /\b(?:Async)?Disposable\b|\bSymbol\.(?:asyncDispose|dispose)\b/;

/** Name under which the module of WebGPU types is in `dist` of the engine. */
const WEBGPU = "webgpu";

/** Return the specifier of a file of the same package, as seen from `from`. */
function relativeSpecifier(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), to);
  return path.startsWith(".") ? path : `./${path}`;
}

/** Rewrite the specifiers of a declaration file, given by the path of its source under src/. */
export function rewriteSpecifiers(text: string, file: string): string {
  return text.replace(SPECIFIER, (whole, before: string, specifier: string) => {
    if (!specifier.startsWith(".")) return whole;
    const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts");
    const other = crossing(file, target, entries);
    return `${before}"${other ?? relativeSpecifier(file, target.replace(/\.ts$/, ".js"))}"`;
  });
}

/** Add the types that a declaration uses and that a user's TypeScript may lack. */
export function addMissingTypes(text: string, file: string, layout: PackageLayout): string {
  const gpu = gpuTypesIn(text);
  const module =
    layout.name === "espalier" ? relativeSpecifier(file, `${WEBGPU}.js`) : `espalier/internal/${WEBGPU}.js`;
  const lines = [
    ...(DISPOSABLE.test(text) ? [`/// <reference lib="esnext.disposable" />\n`] : []),
    ...(gpu.length > 0 ? [`import type { ${gpu.join(", ")} } from "${module}";\n`] : []),
  ];
  return lines.join("") + text;
}

interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/**
 * Mark the imports of optional packages, whose types may be absent at the user's. Throws for an import of a package that
 * the manifest does not declare.
 */
export function markOptional(text: string, file: string, { dependencies, peerDependencies }: Dependencies): string {
  return text.replace(/^.*(?:\bfrom|\bimport)\s*\(?\s*"([^".][^"]*)".*$/gm, (line, specifier: string) => {
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0];
    if (specifier.startsWith("node:") || line.trimStart().startsWith("*")) return line;
    if (Object.hasOwn(dependencies ?? {}, name)) return line;
    if (Object.hasOwn(peerDependencies ?? {}, name)) return `// @ts-ignore: the package is optional\n${line}`;
    throw new Error(
      `src/${file}: its declarations import ${specifier}: expected a dependency of its package, got none`,
    );
  });
}

/** Run the compiler; it writes the declarations of all files under src/ into `folder`. */
function compile(folder: string): void {
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  rmSync(folder, { recursive: true, force: true });
  try {
    execFileSync(process.execPath, [compiler, "-p", "tsconfig.types.json", "--outDir", folder], { cwd: ROOT });
  } catch (cause) {
    throw new Error(`declarations: the compiler failed: ${String((cause as { stdout?: Buffer }).stdout)}`);
  }
}

/** Write the declarations of packages into their `dist`. */
export function buildTypes(layouts: readonly PackageLayout[]): void {
  const compiled = join(ROOT, ".cache/types");
  compile(compiled);
  const gpu = new Set<string>();
  for (const layout of PACKAGES.filter(({ typed }) => typed)) {
    for (const file of filesOf(layout)) {
      const name = file.replace(/\.ts$/, ".d.ts");
      if (!existsSync(join(compiled, name))) continue;
      const text = readFileSync(join(compiled, name), "utf8");
      for (const type of gpuTypesIn(text)) gpu.add(type);
      if (!layouts.includes(layout)) continue;
      const own = markOptional(text, file, manifestOf<Dependencies>(layout.name));
      write(layout, name, addMissingTypes(rewriteSpecifiers(own, file), file, layout));
    }
  }
  const engine = PACKAGES[0]!;
  if (!layouts.includes(engine)) return;
  const webgpu = createRequire(import.meta.url).resolve("@webgpu/types/dist/index.d.ts");
  write(engine, `${WEBGPU}.d.ts`, webgpuModule(webgpu, [...gpu].sort()));
  write(engine, `${WEBGPU}_copy.d.ts`, webgpuCopy(webgpu, [...gpu]));
  for (const name of [WEBGPU, `${WEBGPU}_copy`]) write(engine, `${name}.js`, "export {};\n");
}

function write(layout: PackageLayout, name: string, text: string): void {
  const path = join(ROOT, layout.folder, "dist", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
