// The packed packages, as the set-up of the package tests has made them.
import { inject } from "vitest";
import type { Tarballs } from "./install.ts";

export interface Packed {
  /** Scratch folder, removed after the tests. */
  readonly folder: string;
  readonly tarballs: Tarballs;
  /** Project in which npm has installed all packages. */
  readonly installed: string;
}

declare module "vitest" {
  interface ProvidedContext {
    /** The packages, or why they could not be built and installed. */
    readonly packed: Packed | { readonly problem: string };
  }
}

/** Return the packed packages. Errors: the problem of the set-up. */
export function packedPackages(): Packed {
  const packed = inject("packed");
  if ("problem" in packed) throw new Error(packed.problem);
  return packed;
}
