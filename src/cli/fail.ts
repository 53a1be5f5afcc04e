// How a command ends badly: one line that says what was wrong, and an exit code. 2 for wrong usage, 130 for an
// interrupt, 1 for the rest.

/** Wrong arguments: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The user stopped the run, which was saved: exit code 130. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

const expected = new Set([
  "UsageError",
  "RecipeError",
  "DataError",
  "SourceError",
  "ImageError",
  "ShardError",
  "EventError",
  "IdxError",
  "GzipError",
  "DecompressError",
  "ZipError",
  "NpyError",
  "SafetensorsError",
  "TorchFileError",
  "CheckpointError",
  "NonFiniteLossError",
  "OpError",
  "MemoryError",
  "KernelError",
  "GpuLostError",
  "RangeError",
  "AdapterError",
  "FileError",
  "SetupError",
]);

/** Prints an error: expected ones as `espalier: what`, others (bugs) with their stack. Returns the exit code. */
export function report(error: unknown): number {
  if (error instanceof Interrupted) {
    process.stderr.write(`${error.message}\n`);
    return 130;
  }
  if (!(error instanceof Error)) {
    process.stderr.write(`espalier: ${String(error)}\n`);
    return 1;
  }
  const known = expected.has(error.name) || typeof (error as NodeJS.ErrnoException).code === "string";
  process.stderr.write(known ? `espalier: ${error.message}\n` : `espalier: unexpected error\n${error.stack}\n`);
  return error.name === "UsageError" || error.name === "RecipeError" ? 2 : 1;
}
