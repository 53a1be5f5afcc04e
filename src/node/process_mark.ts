// Identifies a process beyond its lifetime: its id alone may be given to another process later.
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessMark {
  readonly host: string;
  /** Boot of the machine; null if the system does not say. */
  readonly boot: string | null;
  /** Process namespace: containers of one host may each have an id 1. */
  readonly space: string | null;
  readonly pid: number;
  /** Start in ticks since boot; null if the system does not say. */
  readonly started: string | null;
}

const quiet = (read: () => string): string | null => {
  try {
    return read().trim();
  } catch {
    return null;
  }
};

/**
 * Read state and start of a process from /proc (Linux; proc(5): the fields after the name, which may contain blanks).
 */
function statOf(pid: number): { state: string; started: string } | null {
  const text = quiet(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? null : { state, started };
}

/** Return the mark of this process. */
export function ownMark(): ProcessMark {
  return {
    host: hostname(),
    boot: quiet(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
    space: quiet(() => readlinkSync("/proc/self/ns/pid")),
    pid: process.pid,
    started: statOf(process.pid)?.started ?? null,
  };
}

/** Return true if this machine has a process with this id. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Return whether the process of a mark lives. `unseen`: it is of another host or container. */
export function fateOf(mark: ProcessMark, own: ProcessMark = ownMark()): "lives" | "ended" | "unseen" {
  if (mark.host !== own.host) return "unseen";
  if (mark.boot !== null && own.boot !== null && mark.boot !== own.boot) return "ended";
  if (mark.space !== own.space) return "unseen";
  if (!exists(mark.pid)) return "ended";
  const now = statOf(mark.pid);
  if (now === null || mark.started === null) return "lives";
  // A zombie has ended; its parent has not read its exit code yet.
  return now.started !== mark.started || now.state === "Z" ? "ended" : "lives";
}

/** Return the start of a process of this machine in ms since 1970; -Infinity if unknown, null if there is none. */
export function processStart(pid: number): number | null {
  if (!exists(pid)) return null;
  const ticks = statOf(pid)?.started;
  const up = quiet(() => readFileSync("/proc/uptime", "utf8"))?.split(" ")[0];
  // Linux counts in hundredths of a second here for any kernel clock.
  if (ticks === undefined || up === undefined) return Number.NEGATIVE_INFINITY;
  return Date.now() - 1000 * Number(up) + 10 * Number(ticks);
}
