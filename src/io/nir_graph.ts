// Graphs in the Neuromorphic Intermediate Representation (NIR) as plain data: nodes with parameters, and edges.
import { EspalierError } from "../text/index.ts";

/** An array of a node: float32, float64 or int64. */
export interface NirArray {
  readonly data: Float32Array | Float64Array | BigInt64Array;
  /** [] is a single number. */
  readonly shape: readonly number[];
}

/** A node: its kind, such as LIF, and its parameters by NIR's names. A text is a padding, "same" or "valid". */
export interface NirNode {
  readonly type: string;
  readonly params: Readonly<Record<string, NirArray | string>>;
}

/** A graph. Several edges into one node add up. */
export interface NirGraph {
  readonly nodes: ReadonlyMap<string, NirNode>;
  readonly edges: readonly (readonly [from: string, to: string])[];
  /** Notes that no reader depends on. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A graph or a file that is not valid NIR, or has what this engine lacks. The message names the file or the node. */
export class NirError extends EspalierError {
  override readonly name = "NirError";
}
