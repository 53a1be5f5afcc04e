// A folder has one writer: a lock file in it says which process that is. Locks of processes that have ended are taken over.
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
import { z } from "zod";
import { EspalierError, visible } from "../text/index.ts";
import { cannot, codeOf } from "./file_error.ts";
import { fateOf, ownMark, type ProcessMark } from "./process_mark.ts";

export const LOCK_FILE = "espalier.lock";

/** A folder that is not this process's own to write to: another one uses it, or it was removed. */
export class FolderError extends EspalierError {
  override readonly name = "FolderError";
}

const schema = z.object({
  host: z.string(),
  boot: z.string().nullable(),
  space: z.string().nullable(),
  pid: z.number().int().positive(),
  started: z.string().nullable(),
  command: z.string(),
  time: z.string(),
  /** Tells two locks of one process apart. */
  token: z.string(),
});
type Holder = z.infer<typeof schema>;

export interface LockOptions {
  /** Words of the command line, for whoever finds the folder in use. */
  readonly command: string;
  /** Hears that a lock was taken over, or that a sign of life is waited for. */
  readonly note?: (line: string) => void;
  /** Milliseconds between two signs of life; default 5 s. */
  readonly beatMs?: number;
  /** How long a holder that cannot be seen from here is given to show one; default 30 s. */
  readonly patienceMs?: number;
  /** Default: that of this process. */
  readonly mark?: ProcessMark;
}

interface Seen {
  /** Null: the file is not one of ours, or its writer died amid writing it. */
  readonly holder: Holder | null;
  readonly text: string;
  readonly beat: number;
}

/** Opened anew at each look: a network file system then asks its server. */
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
    const parsed = schema.safeParse(parse(text));
    return { holder: parsed.success ? parsed.data : null, text, beat: fstatSync(handle).mtimeMs };
  } finally {
    closeSync(handle);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const words = ({ host, pid, command, time }: Holder) => visible(`process ${pid} on ${host}, since ${time}: ${command}`);

/** Whether the holder shows a sign of life, or lets go, within the time. */
async function stirs(path: string, first: Seen, patienceMs: number): Promise<boolean> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    await sleep(Math.min(500, patienceMs / 4));
    const now = look(path);
    if (now === null || now.beat !== first.beat || now.text !== first.text) return true;
  }
  return false;
}

/** Locks of this process, released when it exits. */
const held = new Set<FolderLock>();
process.on("exit", () => {
  for (const lock of held) lock.release();
});

export class FolderLock implements Disposable {
  readonly folder: string;
  private readonly path: string;
  private readonly holder: Holder;
  /** The folder itself: one of the same name that was made later is another. */
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
   * Locks a folder that is there. A lock whose process has ended is taken over, and it is said. Of a process that cannot be
   * seen from here, on another host or in another container, a sign of life is waited for.
   *
   * Errors   FolderError naming the process that holds it; FileError when no lock can be written.
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
      // A file that is no whole lock is one that is being written: that takes no time.
      const patience = holder === null ? Math.min(patienceMs, 2000) : patienceMs;
      if (holder !== null)
        note(`${folder}: ${who}, which cannot be seen from here; waiting ${patience / 1000} s for a sign of life`);
      if (!(await stirs(path, seen, patience))) return;
    }
    const now = look(path);
    if (now !== null)
      throw new FolderError(
        `${folder}: is in use by ${now.holder ? words(now.holder) : "another process"}. Wait for its end, or choose another folder` +
          ` (if that process is gone for certain, delete ${path})`,
      );
  }

  /** Who holds a folder, in words, where somebody does that lives or cannot be seen from here; else null. */
  static holderOf(folder: string, mark: ProcessMark = ownMark()): string | null {
    const seen = look(join(folder, LOCK_FILE));
    return seen?.holder && fateOf(seen.holder, mark) !== "ended" ? words(seen.holder) : null;
  }

  private beat(): void {
    try {
      if (this.isOurs()) utimesSync(this.path, new Date(), new Date());
    } catch {
      // Said by `check` before the next file is written.
    }
  }

  private isOurs(): boolean {
    return look(this.path)?.holder?.token === this.holder.token;
  }

  /**
   * Makes sure that the folder is still this process's own. A lock file that somebody deleted is written again.
   *
   * Errors   FolderError when the folder was removed, replaced, or taken by another process.
   */
  check(): void {
    let now: number | null = null;
    try {
      now = statSync(this.folder).ino;
    } catch {
      // It is gone.
    }
    if (now !== this.inode) {
      throw new FolderError(
        `${this.folder}: the folder was ${now === null ? "removed" : "replaced"} while it was in use`,
      );
    }
    if (this.isOurs() || create(this.path, this.holder)) return;
    const other = look(this.path)?.holder;
    throw new FolderError(`${this.folder}: was taken over by ${other ? words(other) : "another process"}`);
  }

  /** Lets go of the folder. May be called twice. */
  release(): void {
    if (!held.delete(this)) return;
    clearInterval(this.timer);
    try {
      if (this.isOurs()) unlinkSync(this.path);
    } catch {
      // A lock that stays is taken over.
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Writes a lock where there is none; false where there is one. */
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
 * Removes the lock that was seen, and none that another process has put there meanwhile: it is moved aside, looked at, and
 * put back where it is another one.
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

/** Two locks taken over at a time must not share a name. */
let serial = 0;

/** Where yet another process has locked the folder meanwhile, the lock that was moved is lost: its owner finds out by `check`. */
function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (cause) {
    // A file system without links: the name is free, or it is not.
    if (codeOf(cause) !== "EEXIST" && !existsSync(path)) renameSync(aside, path);
  }
  rmSync(aside, { force: true });
}
