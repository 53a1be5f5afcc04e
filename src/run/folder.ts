// Claims and locks the folder of a run when the command starts, and restores it if the run never starts.
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  claimName,
  FileError,
  FolderError,
  FolderLock,
  LOCK_FILE,
  type LockOptions,
  makeFolder,
  RunDirectory,
  removeEmptyFolders,
  sweepTemporaries,
} from "../node_internal.ts";
import { UsageError } from "../terminal/fail.ts";

/** Names that a run writes, by subfolder. */
const OWN: Readonly<Record<string, RegExp>> = {
  "": /^(config\.yaml|recipe\.schema\.json|run\.json|metrics\.jsonl|result\.json|README\.md|(plot|spikes)\.(svg|png)|model(\.[\w-]+)*\.(safetensors|onnx))$/,
  checkpoints: /^(step_\d+|best)\.safetensors(\.damaged)?$/,
  trail: /^(trail\.jsonl|trail\.(svg|png)|epoch-\d+\.sparse\.safetensors)$/,
  tensorboard: /tfevents/,
};
const PARTS = Object.keys(OWN);
const CONFIG = "config.yaml";
/** Folder for the files of the old run until the new one has a checkpoint. */
const ASIDE = ".overwritten";

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** List the files of a run, its configuration first: the rest is not a run without it. */
function ownFiles(root: string): string[] {
  const files = PARTS.flatMap((part) =>
    namesIn(join(root, part))
      .filter((name) => OWN[part]?.test(name))
      .map((name) => join(part, name)),
  );
  return files.sort((a, b) => Number(b === CONFIG) - Number(a === CONFIG));
}

const isLeftover = (name: string) => name.startsWith(LOCK_FILE) || /\.tmp\.\d+\.\d+$/.test(name);

/** List the names in a folder, except locks and temporary files of a crash. */
const contentsOf = (root: string): string[] => namesIn(root).filter((name) => !isLeftover(name));

/** Tell if a folder holds a run, finished or not. */
export const holdsRun = (root: string): boolean => existsSync(join(root, CONFIG));

/** Make the error for a folder that is not free for a new run. */
function taken(root: string): UsageError {
  if (!holdsRun(root)) {
    const [first = "", ...more] = contentsOf(root);
    const names = more.length === 0 ? first : `${first} and ${more.length} more`;
    return new UsageError(
      `${root}: expected an empty folder, got one with files of no run (${names}). Choose another folder, or --overwrite to write beside them`,
    );
  }
  const began = ownFiles(root).some((name) => dirname(name) === "checkpoints");
  const aside = join(root, ASIDE);
  const before = existsSync(aside) ? `; the files of the run before it are in ${aside}` : "";
  return new UsageError(
    began
      ? `${root}: holds a run already. Use --resume ${root} to continue it, or --overwrite to replace it`
      : `${root}: holds a run that ended before its first checkpoint. Use --resume ${root} to restart it from its config.yaml, or --overwrite to replace it${before}`,
  );
}

interface FolderWish {
  readonly wanted: string;
  /** Start a run in a free folder, replace a run, or continue one. */
  readonly how: "new" | "overwrite" | "resume";
  /** True if the user did not choose the name: the same with -2, -3, ... will do. */
  readonly anyName?: boolean;
  readonly lock: LockOptions;
}

export class RunFolder implements Disposable {
  readonly root: string;
  /** Directory of the run; refuses writes unless this run holds the lock. */
  readonly directory: RunDirectory;
  private readonly lock: FolderLock;
  private readonly how: FolderWish["how"];
  /** Folders that were created for this run, the topmost first. */
  private readonly made: readonly string[];
  private kept = false;
  private begun = false;
  private saved = false;
  private constructor(root: string, lock: FolderLock, how: FolderWish["how"], made: readonly string[]) {
    this.root = root;
    this.lock = lock;
    this.how = how;
    this.made = made;
    this.directory = new RunDirectory(root, () => lock.check());
    sweepTemporaries(PARTS.map((part) => join(root, part)));
  }

  /**
   * Claim and lock the folder of a run.
   *
   * Errors   UsageError if it holds other files, or no run to continue; FolderError while another process writes to it;
   *          FileError if no folder can be created.
   */
  static async open(wish: FolderWish): Promise<RunFolder> {
    const { wanted, how, anyName = false } = wish;
    if (how === "resume" && !holdsRun(wanted)) {
      const problem = `${wanted}: ${existsSync(wanted) ? `expected a run to resume, got a folder without ${CONFIG}` : "no such folder"}`;
      throw new UsageError(problem);
    }
    for (let n = 1, gone = 0; ; n++) {
      const root = n === 1 ? wanted : `${wanted}-${n}`;
      const { claimed, made } = how === "resume" ? { claimed: false, made: [] } : claimName(root);
      try {
        return new RunFolder(root, await RunFolder.locked(root, wish, claimed), how, made);
      } catch (error) {
        removeEmptyFolders(made);
        // Another run created the folder, stopped early and removed it.
        if (error instanceof FileError && !existsSync(root) && how !== "resume" && ++gone < 10) {
          n--;
          continue;
        }
        if (!(anyName && (error instanceof FolderError || error instanceof UsageError))) throw error;
      }
    }
  }

  private static async locked(root: string, wish: FolderWish, claimed: boolean): Promise<FolderLock> {
    const { how, anyName, lock } = wish;
    const expectFree = () => {
      if (how === "new" && !claimed && contentsOf(root).length > 0) throw taken(root);
    };
    makeFolder(root);
    const holder = claimed ? null : FolderLock.holderOf(root, lock.mark);
    // With another name available, do not wait for a stale lock.
    if (holder !== null && anyName) throw new FolderError(`${root}: is in use by ${holder}`);
    if (holder === null) expectFree();
    const held = await FolderLock.take(root, lock);
    try {
      expectFree(); // Again: another process may have written until now.
      return held;
    } catch (error) {
      held.release();
      throw error;
    }
  }

  /**
   * Make room for the files of a new run: set those of the old run aside until there is a checkpoint. A second call removes
   * the files that this run wrote.
   */
  begin(): void {
    if (this.begun) this.removeOwn();
    this.begun = true;
    if (this.how !== "overwrite") return;
    // Files of an earlier --overwrite that never reached a checkpoint.
    if (holdsRun(this.root) && holdsRun(join(this.root, ASIDE))) this.removeOwn();
    this.move(this.root, join(this.root, ASIDE));
  }

  /** Keep the folder from here on, unless it would replace another run. */
  hasRecords(): void {
    if (this.how === "new") this.kept = true;
  }

  /** Note that the run can be resumed from here on: delete the files of the run that it replaces. */
  hasCheckpoint(): void {
    if (this.saved) return;
    this.saved = true;
    this.kept = true;
    rmSync(join(this.root, ASIDE), { recursive: true, force: true });
  }
  /** Release the folder. If a new run recorded nothing, restore it, so that the same command can be repeated. */
  [Symbol.dispose](): void {
    try {
      if (!this.kept && this.how !== "resume") this.undo();
    } finally {
      this.lock.release();
      if (!this.kept) removeEmptyFolders(this.made);
    }
  }

  private undo(): void {
    try {
      this.lock.check();
    } catch {
      return; // Another process has the folder.
    }
    if (!this.begun) return;
    this.removeOwn();
    const aside = join(this.root, ASIDE);
    if (existsSync(aside)) this.move(aside, this.root);
    rmSync(aside, { recursive: true, force: true });
  }

  private removeOwn(): void {
    for (const name of ownFiles(this.root)) rmSync(join(this.root, name), { force: true });
    removeEmptyFolders(PARTS.filter((part) => part !== "").map((part) => join(this.root, part)));
  }

  private move(from: string, to: string): void {
    const names = ownFiles(from);
    // The configuration moves out first and back last: half-moved files never look like a run.
    if (to === this.root) names.reverse();
    for (const name of names) {
      makeFolder(dirname(join(to, name)));
      renameSync(join(from, name), join(to, name));
    }
    removeEmptyFolders(PARTS.filter((part) => part !== "").map((part) => join(from, part)));
  }
}
