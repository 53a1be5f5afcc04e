// Makes the types of WebGPU that the declarations use: those of the user's TypeScript where it has them (TypeScript 6, or the package
// @webgpu/types), else a copy that needs no package and no DOM library, and adds no global name.
import { readFileSync } from "node:fs";

/** Types that need a DOM library with more than WebGPU. The copy has this in their stead. */
const REPLACED: Readonly<Record<string, string>> = {
  GPUCopyExternalImageSource: "export type GPUCopyExternalImageSource = object;",
  GPUCopyExternalImageDestInfo: "export type GPUCopyExternalImageDestInfo = object;",
  GPUExternalTextureDescriptor: "export type GPUExternalTextureDescriptor = object;",
  GPUAllowSharedBufferSource:
    "export type GPUAllowSharedBufferSource = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;",
};

/** Names of the DOM in the text that is left, and their replacements. */
const DOM: readonly (readonly [RegExp, string])[] = [
  [/\bextends Event(?:Target)?\s*\{/g, "{"],
  [/\bextends EventTarget,\s*/g, "extends "],
  [/\bEventTarget,\s*/g, ""],
  [/,\s*EventTarget\b/g, ""],
  [/\b(?:Add)?EventListenerO(?:ptions|rEventListenerObject)\b/g, "object"],
];

const NAME = /\b(?:__)?GPU(?:[A-Z]\w*)?\b|\bWGSLLanguageFeatures\b/g;

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");

/** Return the WebGPU types that declarations use. */
export function gpuTypesIn(declarations: string): string[] {
  return [...new Set(withoutComments(declarations).match(NAME))].sort();
}

/** Split a file of global declarations: the text of each interface and type by its name. */
function declarationsOf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const bare = withoutComments(text).replace(/\n\s*\n/g, "\n");
  for (const [whole, , name] of bare.matchAll(/^(interface|type) (\w+)(?:[^;{]*\{\}|[^;{]*\{[\s\S]*?^\}|[^{]*?;$)/gm)) {
    // Parts of an interface merge.
    found.set(name!, `${found.get(name!) ?? ""}export ${whole}\n`);
  }
  for (const [name, replaced] of Object.entries(REPLACED)) found.set(name, `${replaced}\n`);
  return found;
}

/** Return the interfaces and types of `path` that `names` need, directly or indirectly. */
function closure(path: string, names: readonly string[]): string {
  const all = declarationsOf(readFileSync(path, "utf8"));
  const needed = new Set<string>();
  const add = (name: string): void => {
    const text = all.get(name);
    if (text === undefined) throw new Error(`${path}: expected a declaration of ${name}, got none`);
    if (needed.has(name)) return;
    needed.add(name);
    for (const next of text.match(NAME) ?? []) if (all.has(next)) add(next);
  };
  names.forEach(add);
  const text = [...needed].sort().map((name) => all.get(name));
  return DOM.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text.join(""));
}

/**
 * Return the declarations of a module that exports `names`. `path`: index.d.ts of @webgpu/types. A class of WebGPU is a global
 * variable, so a type can tell if the user's TypeScript declares it.
 */
export function webgpuModule(path: string, names: readonly string[]): string {
  const classes = readFileSync(path, "utf8");
  const exported = names.map((name) => {
    const copy = `copy.${name}`;
    if (!new RegExp(`^declare var ${name}:`, "m").test(classes)) return `export type ${name} = ${copy};\n`;
    return `export type ${name} = typeof globalThis extends { ${name}: { prototype: infer T } } ? T : ${copy};\n`;
  });
  return `// WebGPU types: the user's where TypeScript has them, else a copy.\nimport type * as copy from "./webgpu_copy.js";\n${exported.join("")}`;
}

/** Return the declarations of the copy, which `webgpuModule` imports. */
export function webgpuCopy(path: string, names: readonly string[]): string {
  const header = "// Copied from @webgpu/types (BSD-3-Clause, see THIRD_PARTY.md), without comments and globals.\n";
  return `${header}${closure(path, names)}`;
}
