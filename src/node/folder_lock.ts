// Gives a folder one writer: a lock file names its process. Locks of ended processes are taken over.
import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EspalierError, isRecord, visible } from "../text/index.ts";
import { cannot, codeOf } from "./file_error.ts";
import { fateOf, ownMark, type ProcessMark } from "./process_mark.ts";

export const LOCK_FILE = "espalier.lock";

/** A folder that this process may not write to: another process uses it, or it was removed. */
export class FolderError extends EspalierError {
  override readonly name = "FolderError";
}

interface Holder extends ProcessMark {
  readonly command: string;
  readonly time: string;
  /** Distinguishes two locks of one process. */
  readonly token: string;
}

/** Return the holder that a lock's text names; null if the text is not that of a lock. */
function holderOf(text: string): Holder | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const isText = (key: string) => typeof value[key] === "string";
  const { pid } = value;
  const complete =
    ["host", "command", "time", "token"].every(isText) &&
    ["boot", "space", "started"].every((key) => isText(key) || value[key] === null) &&
    Number.isSafeInteger(pid) &&
    (pid as number) > 0;
  return complete ? (value as unknown as Holder) : null;
}

export interface LockOptions {
  /** Command line, for the message to others. */
  readonly command: string;
  /** Called when a lock is taken over, or when the lock waits for a sign of life. */
  readonly note?: (line: string) => void;
  /** Milliseconds between signs of life; default 5 s. */
  readonly beatMs?: number;
  /** Milliseconds to wait for a sign of life of an invisible holder; default 30 s. */
  readonly patienceMs?: number;
  /** Mark of the process; default: this process. */
  readonly mark?: ProcessMark;
}

interface Seen {
  /** Null: the file is no lock, or its writer ended while writing it. */
  readonly holder: Holder | null;
  readonly text: string;
  readonly beat: number;
}

/** Read the lock. Reopened each time, so that a network file system asks its server. */
function look(path: string): Seen | null {
  let handle: number;
  try {
    handle = openSync(path, "r");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return null;
    throw cannot("read the lock", path, cause);
  }
  try {
    const text = readFileSync(handle, "utf8");
    return { holder: holderOf(text), text, beat: fstatSync(handle).mtimeMs };
  } finally {
    closeSync(handle);
  }
}

const words = ({ host, pid, command, time }: Holder) => visible(`process ${pid} on ${host}, since ${time}: ${command}`);

/** Return true if the holder shows a sign of life, or releases the lock, within the time. */
async function stirs(path: string, first: Seen, patienceMs: number): Promise<boolean> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    await sleep(Math.min(500, patienceMs / 4));
    const now = look(path);
    if (now === null || now.beat !== first.beat || now.text !== first.text) return true;
  }
  return false;
}

/** Locks of this process, released at its exit. */
const held = new Set<FolderLock>();
process.on("exit", () => {
  for (const lock of held) lock.release();
});

export class FolderLock implements Disposable {
  readonly folder: string;
  private readonly path: string;
  private readonly holder: Holder;
  /** Inode of the folder: a later folder of the same name is another. */
  private readonly inode: number;
  private readonly timer: NodeJS.Timeout;

  private constructor(folder: string, holder: Holder, beatMs: number) {
    this.folder = folder;
    this.path = join(folder, LOCK_FILE);
    this.holder = holder;
    this.inode = statSync(folder).ino;
    this.timer = setInterval(() => this.beat(), beatMs).unref();
    held.add(this);
  }

  /**
   * Lock an existing folder. A lock of an ended process is taken over, with a note. For an invisible process (on
   * another host or in another container) wait for a sign of life.
   *
   * Errors    Errors    FolderError naming the process that holds it; FileError if no lock can be written.
   */
  static async take(folder: string, options: LockOptions): Promise<FolderLock> {
    const { command, note = () => {}, beatMs = 5000, patienceMs = 30_000, mark = ownMark() } = options;
    const path = join(folder, LOCK_FILE);
    const holder: Holder = { ...mark, command, time: new Date().toISOString(), token: crypto.randomUUID() };
    for (;;) {
      if (create(path, holder)) return new FolderLock(folder, holder, beatMs);
      const seen = look(path);
      if (seen === null) continue;
      await FolderLock.expectEnded(folder, seen, { mark, note, patienceMs });
      replace(path, seen);
      note(`${folder}: took over the lock of a process that has ended${seen.holder ? `: ${words(seen.holder)}` : ""}`);
    }
  }

  private static async expectEnded(
    folder: string,
    seen: Seen,
    { mark, note, patienceMs }: Required<Pick<LockOptions, "mark" | "note" | "patienceMs">>,
  ): Promise<void> {
    const path = join(folder, LOCK_FILE);
    const { holder } = seen;
    const fate = holder === null ? "unseen" : fateOf(holder, mark);
    if (fate === "ended") return;
    if (fate === "unseen") {
      const who = holder === null ? "its lock names no process" : `in use by ${words(holder)}`;
      // An incomplete lock is being written, which takes no time.
      const patience = holder === null ? Math.min(patienceMs, 2000) : patienceMs;
      if (holder !== null)
        note(`${folder}: ${who}, which is not visible from here; waiting ${patience / 1000} s for a sign of life`);
      if (!(await stirs(path, seen, patience))) return;
    }
    const now = look(path);
    if (now !== null)
      throw new FolderError(
        `${folder}: is in use by ${now.holder ? words(now.holder) : "another process"}. Wait until it ends, or choose another folder` +
          ` (if that process has certainly ended, delete ${path})`,
      );
  }

  /** Describe the holder of a folder if it lives or is invisible from here; else null. */
  static holderOf(folder: string, mark: ProcessMark = ownMark()): string | null {
    const seen = look(join(folder, LOCK_FILE));
    return seen?.holder && fateOf(seen.holder, mark) !== "ended" ? words(seen.holder) : null;
  }

  private beat(): void {
    try {
      if (this.isOurs()) utimesSync(this.path, new Date(), new Date());
    } catch {
      // `check` reports it before the next file is written.
    }
  }

  private isOurs(): boolean {
    return look(this.path)?.holder?.token === this.holder.token;
  }

  /**
   * Check that the folder still belongs to this process. A deleted lock file is written again.
   *
   * Errors    Errors    FolderError if the folder was removed, replaced, or taken by another process.
   */
  check(): void {
    let now: number | null = null;
    try {
      now = statSync(this.folder).ino;
    } catch {
      // It was removed.
    }
    if (now !== this.inode) {
      const problem = `${this.folder}: the folder was ${now === null ? "removed" : "replaced"} while it was in use`;
      throw new FolderError(problem);
    }
    if (this.isOurs() || create(this.path, this.holder)) return;
    const other = look(this.path)?.holder;
    throw new FolderError(`${this.folder}: was taken over by ${other ? words(other) : "another process"}`);
  }

  /** Release the folder. May be called twice. */
  release(): void {
    if (!held.delete(this)) return;
    clearInterval(this.timer);
    try {
      if (this.isOurs()) unlinkSync(this.path);
    } catch {
      // A remaining lock is taken over later.
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Write a lock; false if there is one. */
function create(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, `${JSON.stringify(holder, null, 2)}\n`, { flag: "wx" });
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    if (["ENOSPC", "EDQUOT", "EIO"].includes(codeOf(cause))) rmSync(path, { force: true }); // half written
    throw cannot("write the lock", path, cause);
  }
}

/**
 * Remove the lock that was seen, but no lock that another process has written meanwhile: rename it, compare, and put it
 * back if it differs.
 */
function replace(path: string, seen: Seen): void {
  const aside = `${path}.tmp.${process.pid}.${serial++}`;
  try {
    renameSync(path, aside);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return;
    throw cannot("take over the lock", path, cause);
  }
  if (look(aside)?.text === seen.text) rmSync(aside, { force: true });
  else putBack(aside, path);
}

/** Makes the temporary names of concurrent take-overs differ. */
let serial = 0;

/**
 * Put a renamed lock back. If a third process has locked the folder meanwhile, the renamed lock is lost: `check` tells
 * its owner.
 */
function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (cause) {
    // A file system without links: rename if the name is free.
    if (codeOf(cause) !== "EEXIST" && !existsSync(path)) renameSync(aside, path);
  }
  rmSync(aside, { force: true });
}
