// Modules that add channels of zeros. Apart from the rules of compaction, which a session rarely needs.
import type { Module } from "../../nn/index.ts";

/** A module whose number of added channels can be changed. */
export interface PadsChannels extends Module {
  readonly zeroChannels: readonly [number, number];
}

/** Return true if the module adds channels of zeros, by a number that can be changed. */
export const padsChannels = (m: Module | undefined): m is PadsChannels =>
  m !== undefined && "zeroChannels" in m && Array.isArray(m.zeroChannels);
