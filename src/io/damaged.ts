// Base class of the errors of file readers: a caller that has another copy of a file catches this one class.

import { EspalierError, visible } from "../text/index.ts";

/**
 * A file that is corrupt, or of another kind than expected. The message is one line that starts with the file's name.
 */
export class DamagedFileError extends EspalierError {
  override readonly name: string = "DamagedFileError";
  /** Name of the file. */
  readonly file: string;
  constructor(file: string, message: string) {
    super(visible(`${file}: ${message}`));
    this.file = file;
  }
}
