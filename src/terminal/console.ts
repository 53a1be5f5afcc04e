// The standard streams of a command: one that fails (its reader is gone, its disk is full, its terminal was closed) ends the
// display, never the work.

type Stream = NodeJS.WriteStream;

/** Watches a stream: after its first error it takes everything that is written and drops it. */
export interface Guard {
  /** The error that ended the display; null while it works. */
  readonly failure: NodeJS.ErrnoException | null;
}

/** Ends the display of a stream at its first error. `onFailure` hears of it once. */
export function guardStream(stream: Stream, onFailure: (error: NodeJS.ErrnoException) => void): Guard {
  const state: { failure: NodeJS.ErrnoException | null } = { failure: null };
  // Every later write of a broken stream would fail again: what is left of it takes anything at once.
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

/** Why a display ended, in words. */
export function displayReason({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EPIPE") return "its reader is gone";
  if (code === "ENOSPC") return "the disk is full";
  return code === "EIO" ? "the terminal is gone" : message;
}

/** Commands that leave files: what they print is not their result. */
const LEAVE_FILES: ReadonlySet<string> = new Set(["train", "pack", "export", "setup"]);

/** Guards stdout and stderr of this process. Returns what the exit code becomes where the display of a command failed. */
export function guardStandardStreams(command: string | undefined): (code: number) => number {
  guardStream(process.stderr, () => {});
  const out = guardStream(process.stdout, (error) => {
    // A reader that had enough, as `head` has, is no news.
    if (error.code !== "EPIPE")
      process.stderr.write(
        `espalier: standard output: ${displayReason(error)}; nothing more is shown, the work goes on\n`,
      );
  });
  return (code) => {
    const { failure } = out;
    const lost = failure !== null && failure.code !== "EPIPE" && !LEAVE_FILES.has(command ?? "");
    return code === 0 && lost ? 1 : code;
  };
}
