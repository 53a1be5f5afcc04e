// Which process this is, in terms that outlast it: a number alone is given to another process sooner or later.
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessMark {
  readonly host: string;
  /** Since which start of the machine; null where the system does not tell. */
  readonly boot: string | null;
  /** Who counts the process numbers: containers of one host may each have a number 1. */
  readonly space: string | null;
  readonly pid: number;
  /** When it started, in ticks since the machine did; null where the system does not tell. */
  readonly started: string | null;
}

const quiet = (read: () => string): string | null => {
  try {
    return read().trim();
  } catch {
    return null;
  }
};

/** State and start of a process by /proc (Linux; proc(5): the fields after the name, which may hold blanks itself). */
function statOf(pid: number): { state: string; started: string } | null {
  const text = quiet(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? null : { state, started };
}

/** The mark of this process. */
export function ownMark(): ProcessMark {
  return {
    host: hostname(),
    boot: quiet(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
    space: quiet(() => readlinkSync("/proc/self/ns/pid")),
    pid: process.pid,
    started: statOf(process.pid)?.started ?? null,
  };
}

/** Whether a process of this machine has this number now. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether the process of a mark lives, as far as it can be told from here. `unseen`: it is of another host or container. */
export function fateOf(mark: ProcessMark, own: ProcessMark = ownMark()): "lives" | "ended" | "unseen" {
  if (mark.host !== own.host) return "unseen";
  if (mark.boot !== null && own.boot !== null && mark.boot !== own.boot) return "ended";
  if (mark.space !== own.space) return "unseen";
  if (!exists(mark.pid)) return "ended";
  const now = statOf(mark.pid);
  if (now === null || mark.started === null) return "lives";
  // A zombie has ended: only its parent has not asked for its exit code yet.
  return now.started !== mark.started || now.state === "Z" ? "ended" : "lives";
}

/** When a process of this machine started, in milliseconds since 1970 by its clock; -Infinity unknown, null: there is none. */
export function processStart(pid: number): number | null {
  if (!exists(pid)) return null;
  const ticks = statOf(pid)?.started;
  const up = quiet(() => readFileSync("/proc/uptime", "utf8"))?.split(" ")[0];
  // Linux counts in hundredths of a second here, whatever the kernel's own clock.
  if (ticks === undefined || up === undefined) return Number.NEGATIVE_INFINITY;
  return Date.now() - 1000 * Number(up) + 10 * Number(ticks);
}
