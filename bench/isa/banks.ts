// Accesses to workgroup memory by a model of its banks.

/** One access of the WGSL to an array in workgroup memory. */
export interface BankReport {
  readonly access: "load" | "store";
  /** True inside of a loop. */
  readonly inLoop: boolean;
  /** Most wavefronts that 32 lanes need for it. */
  readonly wavefronts: number;
  /** Wavefronts without conflicts. */
  readonly ideal: number;
}
