// The end of a process whose GPU driver hangs: its clean-up may wait for the GPU, and then it never ends.
import { spawn } from "node:child_process";

/** Sees to it that this process is gone after some seconds, if it is still there: another process kills it. */
export function endWithin(seconds: number): void {
  // The parent's number is asked for at the end: once this process is gone, nobody with its old number is harmed.
  const script = `setTimeout(() => { if (process.ppid === ${process.pid}) process.kill(${process.pid}, "SIGKILL"); }, ${1000 * seconds})`;
  const child = spawn(process.execPath, ["-e", script], { detached: true, stdio: "ignore" });
  child.on("error", () => {}); // then the clean-up has to do
  child.unref();
}
