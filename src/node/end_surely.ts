// Ends a process whose GPU driver hangs: its clean-up may wait for the GPU without end.
import { spawn } from "node:child_process";

/** Let another process kill this one after some seconds, if it still runs. */
export function endWithin(seconds: number): void {
  // The parent's id is checked at the end, so that no later process with the same id is killed.
  const script = `setTimeout(() => { if (process.ppid === ${process.pid}) process.kill(${process.pid}, "SIGKILL"); }, ${1000 * seconds})`;
  const child = spawn(process.execPath, ["-e", script], { detached: true, stdio: "ignore" });
  child.on("error", () => {}); // then only the clean-up remains
  child.unref();
}
