// A compiler's assembly in a form that all vendors share: instructions with their kinds, waits and branches.

/** Kinds of instructions that the report counts. */
export const KINDS = [
  "fma", // f32 multiply-adds
  "packed", // multiply-adds of two f16, with f16 sums
  "matrix", // multiply-adds of subgroup matrices
  "load", // loads from global memory
  "store",
  "sharedLoad", // loads from workgroup memory
  "sharedStore",
  "multiply", // 32-bit integer multiplications
  "divide", // reciprocals: each integer division has one
  "branch",
  "barrier",
  "scratch", // accesses to spilled registers
] as const;
export type Kind = (typeof KINDS)[number];

/** Effect on one register that counts loops. Other effects are `other`. */
export type Effect =
  | { readonly to: string; readonly kind: "constant"; readonly value: number }
  | { readonly to: string; readonly kind: "add"; readonly from: string; readonly by: number }
  | { readonly to: string; readonly kind: "copy"; readonly from: string }
  | { readonly to: string; readonly kind: "other" };

/** Condition of pending loads after which an instruction starts. */
export type Wait =
  | { readonly kind: "atMost"; readonly left: number } // at most `left` loads are pending
  | { readonly kind: "tokens"; readonly tokens: readonly string[] } // no load with one of these tokens is pending
  | { readonly kind: "all" }; // no load is pending

export interface Op {
  readonly text: string;
  /** Issued instructions: 0 for a hint to the scheduler, 2 for a pair, more for a repeated one. */
  readonly issued: number;
  /** Cycles until the next instruction may issue, where the assembly names them, else 0. */
  readonly cycles: number;
  readonly kinds: Partial<Readonly<Record<Kind, number>>>;
  /** Bits per invocation and tokens of a load from global memory. */
  readonly load?: { readonly bits: number; readonly tokens: readonly string[] };
  readonly wait?: Wait;
  readonly effect?: Effect;
  readonly compare?: { readonly register: string; readonly bound: number };
  /** Label of a branch's target. */
  readonly target?: string;
  /** True if the next instruction of the text does not follow: an unconditional branch, or the end. */
  readonly ends?: boolean;
}

export interface Listing {
  readonly ops: readonly Op[];
  /** Index of the first instruction after each label. */
  readonly labels: ReadonlyMap<string, number>;
}

/** Instructions that run one after another. */
export interface Block {
  readonly ops: readonly Op[];
  /** Index of the first instruction in the listing. */
  readonly start: number;
  /** Blocks that may follow. */
  readonly next: readonly number[];
}
