// The base of what readers of files throw: whoever has another copy of a file catches this one class.

import { EspalierError, visible } from "../text/index.ts";

/** A file that is damaged, or not what its reader expects; the message is one line that opens with the file's name. */
export class DamagedFileError extends EspalierError {
  override readonly name: string = "DamagedFileError";
  readonly file: string;
  constructor(file: string, message: string) {
    super(visible(`${file}: ${message}`));
    this.file = file;
  }
}
