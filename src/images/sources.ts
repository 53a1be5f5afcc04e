// The encoded images of a data set in two parts, and what is to be said of how they were found.
import { percentNumber } from "../text/index.ts";
import type { EncodedSource } from "./encoded_source.ts";
import type { PassedOver } from "./passed_over.ts";

export interface SourcesAbout {
  /** Where each part came from, in words: "train/", "held out of train/". */
  readonly from: { readonly train: string; readonly test: string };
  /** The test part is a share of the other. */
  readonly heldOut: boolean;
  /** The classes of the test part come from a text file. */
  readonly mapped: boolean;
  readonly passedOver: readonly PassedOver[];
  readonly notes: readonly string[];
}

export interface ImageSources {
  readonly train: EncodedSource;
  readonly test: EncodedSource;
  readonly about: SourcesAbout;
}

/** Where a part came from that was taken from the other. */
export const heldOutOf = (from: string, share: number): string =>
  `held out of ${from}, ${percentNumber(share)} % of each class`;

/** What is said of parts that are there and not used; nothing where there are none. */
export function unusedNote(unused: readonly string[], test: readonly string[]): string[] {
  if (unused.length === 0) return [];
  return [`${unused.join(", ")}: not used${test.length > 0 ? `, testing is with ${test.join(", ")}` : ""}`];
}
