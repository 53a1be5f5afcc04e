// The error of reading a PyTorch file.
import { DamagedFileError } from "../damaged.ts";

/**
 * A PyTorch file that is corrupt, or holds something that a weights file does not need. The message is one line with
 * the file's name.
 */
export class TorchFileError extends DamagedFileError {
  override readonly name = "TorchFileError";
  /** The message without the file's name. */
  readonly problem: string;
  constructor(file: string, problem: string) {
    super(file, problem);
    this.problem = problem;
  }
}
