// Guards the standard streams of a command: if one fails (its reader is gone, its disk is full, its terminal was closed), the
// output ends and the work continues.

type Stream = NodeJS.WriteStream;

/** The state of a guarded stream: after its first error it drops everything that is written. */
interface Guard {
  /** The first error of the stream; null while it works. */
  readonly failure: NodeJS.ErrnoException | null;
}

/** Drop all output of a stream after its first error, and pass that error to `onFailure`. */
export function guardStream(stream: Stream, onFailure: (error: NodeJS.ErrnoException) => void): Guard {
  const state: { failure: NodeJS.ErrnoException | null } = { failure: null };
  // Every later write of a broken stream would fail again.
  const drop = (_chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    const called = typeof encoding === "function" ? encoding : done;
    if (typeof called === "function") process.nextTick(() => called());
    return true;
  };
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (state.failure !== null) return;
    state.failure = error;
    stream.write = drop as Stream["write"];
    onFailure(error);
  });
  return state;
}

/** Say why a stream failed. */
export function displayReason({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EPIPE") return "its reader is gone";
  if (code === "ENOSPC") return "the disk is full";
  return code === "EIO" ? "the terminal is gone" : message;
}

/** Commands whose result is files, not their output. */
const LEAVE_FILES: ReadonlySet<string> = new Set(["train", "pack", "export", "setup"]);

/** Guard stdout and stderr of this process. Returns a function that maps an exit code: 0 becomes 1 if a result was lost. */
export function guardStandardStreams(command: string | undefined): (code: number) => number {
  guardStream(process.stderr, () => {});
  const out = guardStream(process.stdout, (error) => {
    // A closed pipe is normal: `head` stops reading early.
    if (error.code !== "EPIPE")
      process.stderr.write(
        `espalier: standard output: ${displayReason(error)}; output ends here, the work continues\n`,
      );
  });
  return (code) => {
    const { failure } = out;
    const lost = failure !== null && failure.code !== "EPIPE" && !LEAVE_FILES.has(command ?? "");
    return code === 0 && lost ? 1 : code;
  };
}
