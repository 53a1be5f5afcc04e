// Errors of the data room.
import { EspalierError, valueText, visible } from "../text/index.ts";

/** An invalid data set, loader or transform. The message names it, with the expected and the actual value. */
export class DataError extends EspalierError {
  override readonly name = "DataError";
}

/** A file that a byte source could not read. */
export class SourceError extends EspalierError {
  override readonly name = "SourceError";
  /** Name of the byte source. */
  readonly source: string;
  /** Path within the source; "." is the source itself. */
  readonly path: string;
  constructor(source: string, path: string, message: string) {
    super(visible(path === "." ? `${source}: ${message}` : `${source}: ${path}: ${message}`));
    this.source = source;
    this.path = path;
  }
}

/** Check that a value is an integer within bounds. Errors: DataError naming `what`. */
export function expectWhole(what: string, value: number, low: number, high = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    const range = high === Number.MAX_SAFE_INTEGER ? `>= ${low}` : `in ${low}..${high}`;
    throw new DataError(`${what}: expected an integer ${range}, got ${valueText(value)}`);
  }
}
