// The encoded images of a data set in two parts, with notes on how they were found.
import { percentNumber } from "../text/index.ts";
import type { EncodedSource } from "./encoded_source.ts";
import type { SkippedFiles } from "./passed_over.ts";

/** Notes on how the parts were found. */
export interface SourcesInfo {
  /** Origin of each part: "train/", "held out of train/". */
  readonly from: { readonly train: string; readonly test: string };
  /** True if the test part is a share of the other. */
  readonly heldOut: boolean;
  /** True if the classes of the test part come from a text file. */
  readonly mapped: boolean;
  readonly passedOver: readonly SkippedFiles[];
  readonly notes: readonly string[];
}

/** Encoded images in two parts. */
export interface ImageSources {
  readonly train: EncodedSource;
  readonly test: EncodedSource;
  readonly about: SourcesInfo;
}

/** Describe the origin of a held-out part. */
export const heldOutOf = (from: string, share: number): string =>
  `held out of ${from}, ${percentNumber(share)} % of each class`;

/** Return the note on unused parts; empty if there are none. */
export function unusedNote(unused: readonly string[], test: readonly string[]): string[] {
  if (unused.length === 0) return [];
  return [`${unused.join(", ")}: not used${test.length > 0 ? `, testing is with ${test.join(", ")}` : ""}`];
}
