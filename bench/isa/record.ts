// The record of one kernel on one GPU: registers, occupancy and the figures of its stage.
import { readAdreno } from "./adreno.ts";
import { readAmd } from "./amd.ts";
import { type BankReport, bankReports } from "./banks.ts";
import type { Dump } from "./dump.ts";
import type { Vendor } from "./gpus.ts";
import type { Listing } from "./listing.ts";
import { readNvidia } from "./nvidia.ts";
import { count, multiplyAdds, type Stage, stageOf } from "./stage.ts";
import type { CompiledShader } from "./steps.ts";
import { workgroupOf } from "./workgroup.ts";

export interface KernelRecord {
  readonly kernel: string;
  /** Values of the specialisation, as `EACH=8`. */
  readonly spec: readonly string[];
  /** Steps that run it. */
  readonly steps: readonly string[];
  /** Invocations of a workgroup. */
  readonly lanes: number;
  /** Bytes of workgroup memory that the WGSL declares. */
  readonly sharedBytes: number;
  readonly registers: number;
  readonly spills: number;
  /** Bytes of memory per invocation for spills and indexed arrays. */
  readonly scratch: number;
  /** AMD: waves of a SIMD. NVIDIA: warps of a multiprocessor. Apple: SIMD groups. Adreno: waves of a core. */
  readonly waves: number;
  /** Instructions of the kernel's text. */
  readonly instructions: number;
  /** The compiler's estimate for one wave, each loop once or a fixed number of times; 0 without one. */
  readonly cycles: number;
  /** The estimate per multiply-add of the kernel's text; 0 without multiply-adds. */
  readonly cyclesPerAdd: number;
  /** Null if the compiler gives no assembly. */
  readonly stage: StageRecord | null;
  /** Accesses to workgroup memory by the bank model; null if it cannot read the shader. */
  readonly banks: readonly BankReport[] | null;
}

export interface StageRecord {
  readonly instructions: number;
  readonly adds: number;
  readonly matrix: number;
  readonly packed: number;
  /** Shares of multiply-adds among all instructions, in the stage and in its densest part. */
  readonly share: number;
  readonly innerShare: number;
  /** Loads from global memory, as `24x32` or `4x128` by their bits. */
  readonly loads: string;
  readonly inFlight: number;
  readonly waits: number;
  readonly sharedLoads: number;
  readonly sharedStores: number;
  readonly multiplications: number;
  readonly divisions: number;
  /** Sum of the issue delays; 0 where the assembly has none. */
  readonly cycles: number;
}

const READERS: Readonly<Record<Vendor, ((assembly: string) => Listing) | null>> = {
  amd: readAmd,
  nvidia: readNvidia,
  adreno: readAdreno,
  apple: null,
};

/** Names of the statistics of each compiler. */
const STATISTICS: Readonly<
  Record<Vendor, Readonly<Record<"registers" | "waves" | "instructions" | "cycles" | "scratch", string>>>
> = {
  amd: {
    registers: "VGPRs",
    waves: "Subgroups per SIMD",
    instructions: "Instructions",
    cycles: "Latency",
    scratch: "Scratch size",
  },
  nvidia: {
    registers: "Number of GPRs",
    waves: "Max warps/SM",
    instructions: "Instruction count",
    cycles: "Static cycle count",
    scratch: "SLM size",
  },
  apple: { registers: "GPRs", waves: "Threads", instructions: "Instructions", cycles: "ALU", scratch: "Scratch" },
  adreno: {
    registers: "Registers used",
    waves: "Max Waves Per Core",
    instructions: "Instruction Count",
    cycles: "Estimated cycles stalled on SY",
    scratch: "",
  },
};
const SPILLS = ["Spilled VGPRs", "Spilled SGPRs", "Spills to memory", "Spills", "STP Count"];

/** NVIDIA's multiprocessor of the usual model (GA102): bytes of workgroup memory, bytes kept per workgroup, most workgroups. */
const SM = { bytes: 100 * 1024, reserved: 1024, groups: 16 };

/** Return the warps of a multiprocessor by registers, as the compiler says, and by workgroup memory. */
function nvidiaWarps(byRegisters: number, lanes: number, sharedBytes: number): number {
  const warps = Math.ceil(lanes / 32);
  const groups = Math.min(
    SM.groups,
    Math.floor(SM.bytes / (sharedBytes + SM.reserved)),
    Math.floor(byRegisters / warps),
  );
  return groups * warps;
}

function wavesOf(vendor: Vendor, raw: number, lanes: number, sharedBytes: number): number {
  if (vendor === "nvidia") return nvidiaWarps(raw, lanes, sharedBytes);
  return vendor === "apple" ? Math.floor(raw / 32) : raw;
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

function stageRecord(stage: Stage): StageRecord {
  const { kinds } = stage;
  const loads = Object.entries(stage.loadBits).map(([bits, n]) => `${n}x${bits}`);
  return {
    instructions: stage.instructions,
    adds: kinds.fma,
    matrix: kinds.matrix,
    packed: kinds.packed,
    share: rounded(stage.share),
    innerShare: rounded(stage.innerShare),
    loads: loads.join(" "),
    inFlight: stage.inFlight,
    waits: stage.waits,
    sharedLoads: kinds.sharedLoad,
    sharedStores: kinds.sharedStore,
    multiplications: kinds.multiply,
    divisions: kinds.divide,
    cycles: stage.cycles,
  };
}

/** Return the accesses by the bank model; null for syntax that it cannot read. */
function banksOf(code: string): BankReport[] | null {
  try {
    return bankReports(code);
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

/** Make the record of a pipeline from its dump and its WGSL. */
export function recordOf(vendor: Vendor, dump: Dump, shader: CompiledShader): KernelRecord {
  const names = STATISTICS[vendor];
  const read = (name: string) => dump.statistics[name] ?? 0;
  const [kernel = "", spec = ""] = dump.label.split(/ (.*)/s);
  const { lanes, sharedBytes } = workgroupOf(shader.code);
  const reader = READERS[vendor];
  const listing = reader && dump.assembly ? reader(dump.assembly) : null;
  const adds = listing ? multiplyAdds(count(listing.ops)) : 0;
  const cycles = read(names.cycles);
  return {
    kernel,
    spec: spec.split(";").filter(Boolean),
    steps: shader.steps,
    lanes,
    sharedBytes,
    registers: read(names.registers),
    spills: SPILLS.reduce((sum, name) => sum + read(name), 0),
    scratch: names.scratch ? read(names.scratch) : 0,
    waves: wavesOf(vendor, read(names.waves), lanes, sharedBytes),
    instructions: read(names.instructions),
    cycles,
    cyclesPerAdd: adds > 0 ? rounded(cycles / adds) : 0,
    stage: listing ? stageRecord(stageOf(listing)) : null,
    banks: banksOf(shader.code),
  };
}
