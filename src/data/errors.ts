// What goes wrong with data, each told in one line.

import { EspalierError, visible } from "../text/index.ts";

/** A dataset, loader or transform that was asked for something it cannot be; names it, what was wanted, what was given. */
export class DataError extends EspalierError {
  override readonly name = "DataError";
}

/** A byte source that could not deliver a file. */
export class SourceError extends EspalierError {
  override readonly name = "SourceError";
  readonly source: string;
  readonly path: string;
  constructor(source: string, path: string, message: string) {
    super(visible(`${source}: ${path}: ${message}`));
    this.source = source;
    this.path = path;
  }
}

/** A whole number within bounds, or a DataError that names it. */
export function expectWhole(what: string, value: number, low: number, high = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    const range = high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `in ${low}..${high}`;
    throw new DataError(`${what} wants a whole number ${range}, was given ${value}`);
  }
}
