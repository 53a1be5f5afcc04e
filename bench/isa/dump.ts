// Reads the files that the layer writes: name, statistics and assembly of each pipeline.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Dump {
  /** Kernel and values, as `conv2d EACH=8;`; empty if the program gave no name. */
  readonly label: string;
  /** File of the dump. */
  readonly file: string;
  /** File of the SPIR-V. */
  readonly module: string;
  /** Numbers by the compiler's own names. */
  readonly statistics: Readonly<Record<string, number>>;
  readonly assembly: string;
}

/** Dawn's text before a label. */
const PREFIX = /^(?:DawnDbg=\w+;)?(?:Dawn_ShaderModule_?)?/;

/** Read the text of one file. */
export function parseDump(text: string, file: string): Dump {
  const head = text.split("\n--- ", 1)[0]!;
  const statistics: Record<string, number> = {};
  for (const [, name, value] of head.matchAll(/^([A-Z][^:\n]*): (-?[\d.e+]+)$/gm)) statistics[name!] = Number(value);
  const label = (/^name: (.*)$/m.exec(head)?.[1] ?? "").replace(PREFIX, "");
  // The last section, as ISA_IR adds others before it.
  const sections = text.split("\n--- ").slice(1);
  const assembly = sections.findLast((section) => /^[^\n]*assembl/i.test(section)) ?? "";
  const module = join(dirname(file), /^module: (.*)$/m.exec(head)?.[1] ?? "");
  return { label, file, module, statistics, assembly };
}

/** Read all pipelines of a folder, in the order of their compilation. A pipeline that was compiled twice counts once. */
export function readDumps(folder: string): Dump[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  const dumps = names.sort().map((name) => parseDump(readFileSync(join(folder, name), "utf8"), join(folder, name)));
  const first = new Map<string, Dump>();
  for (const dump of dumps) if (dump.label && !first.has(dump.label)) first.set(dump.label, dump);
  return [...first.values()];
}
