// The table of the published packages: which part of src/ each holds, and from which packages it may import.

/** A package made from src/. */
export interface PackageLayout {
  readonly name: string;
  /** Folder of its manifest, from the root of the repository. */
  readonly folder: string;
  /** Folders and files under src/ that belong to it. */
  readonly rooms: readonly string[];
  /** Packages of this repository that it imports. */
  readonly imports: readonly string[];
  /** Packages whose code is copied into its `vendor` folder, so that users do not install them. */
  readonly inlines: readonly string[];
  /** True if it has importable entries, and so declarations for TypeScript. */
  readonly typed: boolean;
}

export const PACKAGES: readonly PackageLayout[] = [
  {
    name: "espalier",
    folder: "packages/espalier",
    rooms: [
      "text",
      "gpu",
      "tensor",
      "autograd",
      "ops",
      "nn",
      "io",
      "data",
      "optim",
      "prune",
      "models",
      "train",
      "export",
      "index.ts",
      "internal.ts",
      "entries/data.ts",
      "entries/io.ts",
      "entries/models.ts",
      "entries/optim.ts",
      "entries/prune.ts",
      "entries/spiking.ts",
      "entries/wgsl.ts",
    ],
    imports: [],
    inlines: ["@bufbuild/protobuf", "onnx-buf"],
    typed: true,
  },
  {
    name: "@espalier/node",
    folder: "packages/node",
    rooms: ["node", "images", "setup", "node.ts", "node_internal.ts", "entries/images.ts"],
    imports: ["espalier"],
    inlines: [],
    typed: true,
  },
  {
    name: "@espalier/cli",
    folder: "packages/cli",
    rooms: ["terminal", "report", "tables", "recipe", "run", "cli"],
    imports: ["espalier", "@espalier/node"],
    inlines: [],
    typed: false,
  },
];

/** Files under src/ that no package holds: the start of a checkout, and the declaration of shader imports. */
const CHECKOUT_ONLY: readonly string[] = ["cli/start.ts", "wgsl.d.ts"];

const isIn = (file: string, room: string) => file === room || file.startsWith(`${room}/`);

/** Return the package that holds a file, given by its path under src/; null if only the checkout needs it. */
export function packageOf(file: string): PackageLayout | null {
  if (CHECKOUT_ONLY.includes(file)) return null;
  const owners = PACKAGES.filter(({ rooms }) => rooms.some((room) => isIn(file, room)));
  if (owners.length === 1) return owners[0]!;
  const got = owners.length === 0 ? "none" : owners.map(({ name }) => name).join(" and ");
  throw new Error(`src/${file}: expected one package in tools/packages/layout.ts, got ${got}`);
}

/** Return the layout of a package. Throws if there is none of that name. */
export function layoutOf(name: string): PackageLayout {
  const found = PACKAGES.find((layout) => layout.name === name);
  if (found) return found;
  throw new Error(`package: expected one of ${PACKAGES.map((p) => p.name).join(", ")}, got ${name}`);
}

/** The part of a manifest that names the entries. */
export interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** Entries of a manifest by the file under src/ from which each is made: `index.ts` -> ".", `export/index.ts` -> "./export". */
export function entriesOf({ exports }: Manifest): Map<string, string> {
  const entries = new Map<string, string>();
  for (const [entry, target] of Object.entries(exports)) {
    const file = typeof target === "string" ? target : (target["default"] ?? "");
    if (file.startsWith("./dist/") && file.endsWith(".js") && !file.includes("*"))
      entries.set(file.replace("./dist/", "").replace(/\.js$/, ".ts"), entry);
  }
  return entries;
}

/**
 * Return the specifier by which the file `from` imports the file `to` of another package, both given by their paths under
 * src/; null if one package holds both. Throws if that package may not import the other.
 */
export function crossing(from: string, to: string, entries: (name: string) => Map<string, string>): string | null {
  const [importer, target] = [packageOf(from), packageOf(to)];
  if (!importer || importer === target) return null;
  if (!target) throw new Error(`src/${from}: expected an import of a published file, got src/${to}`);
  if (!importer.imports.includes(target.name)) {
    const may = importer.imports.join(" and ") || "no other package";
    throw new Error(`src/${from}: ${importer.name} imports ${may}, got src/${to} of ${target.name}`);
  }
  const entry = entries(target.name).get(to);
  if (entry !== undefined) return `${target.name}${entry.slice(1)}`;
  return `${target.name}/internal/${to.replace(/\.ts$/, ".js")}`;
}
