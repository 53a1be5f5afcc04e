// Replaces this process by another program: by execv where koffi is installed, else by a child that takes over its streams,
// signals and exit code.
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Command of fcntl that sets the flags of a file descriptor, on Linux. */
const F_SETFD = 2;

/** Replace this process through C. Returns if koffi is not installed, or with the program that cannot be started. */
async function replaceThroughC(program: string, args: readonly string[]): Promise<void> {
  try {
    const { default: koffi } = await import("koffi");
    const c = koffi.load(null);
    const execv = c.func("int execv(const char *path, const char **argv)");
    const fcntl = c.func("int fcntl(int fd, int command, int value)");
    // Node marks its streams to be closed by the call.
    for (const stream of [0, 1, 2]) fcntl(stream, F_SETFD, 0);
    execv(program, [program, ...args, null]);
  } catch {
    // The child below reports what is wrong with the program.
  }
}

/** Signals that end or configure a program. SIGINT and SIGQUIT of a terminal reach the child by themselves. */
const FORWARDED = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT", "SIGCONT"] as const;

/**
 * Run a program in the place of this process, with its environment, streams and arguments. Returns the exit code of a program
 * that ended, or never: the process is replaced, or ends by the signal that ended the program.
 * Errors: the Error of a program that cannot be started.
 */
export async function replaceProcess(
  program: string,
  args: readonly string[],
  replace: typeof replaceThroughC = replaceThroughC,
): Promise<number> {
  await replace(program, args);
  const onTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  const child = spawn(program, args, { stdio: "inherit" });
  for (const signal of FORWARDED) {
    // The terminal sends its own to the whole group: forwarded, they would count twice.
    const fromTerminal = onTerminal && (signal === "SIGINT" || signal === "SIGQUIT");
    process.on(signal, () => void (fromTerminal || child.kill(signal)));
  }
  const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, signal }));
    },
  );
  if (signal === null) return code ?? 1;
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // A signal that does not end this process, such as an ignored one, has the shell's exit code.
  return 128 + constants.signals[signal];
}
