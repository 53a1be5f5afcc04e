// The one error that reading a PyTorch file can end in.
import { DamagedFileError } from "../damaged.ts";

/** A PyTorch file that is damaged, or holds what a weights file has no need of; the message is one line naming the file. */
export class TorchFileError extends DamagedFileError {
  override readonly name = "TorchFileError";
  /** The message without the file's name. */
  readonly problem: string;
  constructor(file: string, problem: string) {
    super(file, problem);
    this.problem = problem;
  }
}
