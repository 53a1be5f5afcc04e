// The one error that reading a PyTorch file can end in.

/** A PyTorch file that is damaged, or holds what a weights file has no need of; the message is one line naming the file. */
export class TorchFileError extends Error {
  override readonly name = "TorchFileError";
  readonly file: string;
  /** The message without the file's name. */
  readonly problem: string;
  constructor(file: string, problem: string) {
    super(`${file}: ${problem}`);
    this.file = file;
    this.problem = problem;
  }
}
