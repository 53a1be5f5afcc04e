// The folder of a run: claimed and locked when the command starts, given back as it was when the run never began.
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
} from "../node.ts";
import { UsageError } from "../terminal/fail.ts";

/** What a run writes into its folder, by the folder it lies in. */
const OWN: Readonly<Record<string, RegExp>> = {
  "": /^(config\.yaml|run\.json|metrics\.jsonl|result\.json|README\.md|(plot|spikes)\.(svg|png)|model(\.[\w-]+)*\.(safetensors|onnx))$/,
  checkpoints: /^(step_\d+|best)\.safetensors(\.damaged)?$/,
  trail: /^(trail\.jsonl|trail\.(svg|png)|epoch-\d+\.sparse\.safetensors)$/,
  tensorboard: /tfevents/,
};
const PARTS = Object.keys(OWN);
const CONFIG = "config.yaml";
/** Where the files of the run before wait until the new one has a checkpoint. */
const ASIDE = ".overwritten";

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** A run's own files below a folder, its configuration first: without that, what is left is no run. */
function ownFiles(root: string): string[] {
  const files = PARTS.flatMap((part) =>
    namesIn(join(root, part))
      .filter((name) => OWN[part]?.test(name))
      .map((name) => join(part, name)),
  );
  return files.sort((a, b) => Number(b === CONFIG) - Number(a === CONFIG));
}

const isLeftover = (name: string) => name.startsWith(LOCK_FILE) || /\.tmp\.\d+\.\d+$/.test(name);

/** Names in a folder, but for locks and what a crash left half written. */
const contentsOf = (root: string): string[] => namesIn(root).filter((name) => !isLeftover(name));

/** Whether a folder holds a run, however far it came. */
export const holdsRun = (root: string): boolean => existsSync(join(root, CONFIG));

/** Why a folder is no place for a new run, and what would be. */
function taken(root: string): UsageError {
  if (!holdsRun(root)) {
    const [first = "", ...more] = contentsOf(root);
    const names = more.length === 0 ? first : `${first} and ${more.length} more`;
    return new UsageError(
      `${root}: holds files already, and no run (${names}). Choose another folder, or --overwrite to write among them`,
    );
  }
  const began = ownFiles(root).some((name) => dirname(name) === "checkpoints");
  const aside = join(root, ASIDE);
  const before = existsSync(aside) ? `; the files of the run before it lie in ${aside}` : "";
  return new UsageError(
    began
      ? `${root}: holds files already. Use --resume ${root} to go on, or --overwrite to start anew`
      : `${root}: holds a run that ended before its first checkpoint. Use --resume ${root} to start it again by its config.yaml, or --overwrite to start anew${before}`,
  );
}

export interface FolderWish {
  readonly wanted: string;
  /** A new run, a new run in place of another, or one to go on with. */
  readonly how: "new" | "overwrite" | "resume";
  /** Nobody chose the name: the same with -2, -3, ... does as well. */
  readonly anyName?: boolean;
  readonly lock: LockOptions;
}

export class RunFolder implements Disposable {
  readonly root: string;
  /** Writes only while the folder is locked by this run. */
  readonly directory: RunDirectory;
  private readonly lock: FolderLock;
  private readonly how: FolderWish["how"];
  /** Folders that were made for this run, the uppermost first. */
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
   * Claims and locks the folder of a run.
   *
   * Errors   UsageError where it holds something else, or no run to go on with; FolderError while another process
   *          writes to it; FileError where no folder can be made.
   */
  static async open(wish: FolderWish): Promise<RunFolder> {
    const { wanted, how, anyName = false } = wish;
    if (how === "resume" && !holdsRun(wanted)) {
      throw new UsageError(
        `${wanted}: ${existsSync(wanted) ? `holds no ${CONFIG}: it is no run to go on with` : "no such folder"}`,
      );
    }
    for (let n = 1, gone = 0; ; n++) {
      const root = n === 1 ? wanted : `${wanted}-${n}`;
      const { claimed, made } = how === "resume" ? { claimed: false, made: [] } : claimName(root);
      try {
        return new RunFolder(root, await RunFolder.locked(root, wish, claimed), how, made);
      } catch (error) {
        removeEmptyFolders(made);
        // It was another run's, which gave up and removed it.
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
    // Where another name does as well, nobody waits for a sign of life.
    if (holder !== null && anyName) throw new FolderError(`${root}: is in use by ${holder}`);
    if (holder === null) expectFree();
    const held = await FolderLock.take(root, lock);
    try {
      expectFree(); // again: another process may have been here until now
      return held;
    } catch (error) {
      held.release();
      throw error;
    }
  }

  /**
   * Makes room for the files of a new run: those of a run before are set aside until there is a checkpoint. Called again, it
   * removes what this run wrote.
   */
  begin(): void {
    if (this.begun) this.removeOwn();
    this.begun = true;
    if (this.how !== "overwrite") return;
    // Files of a run that was itself to replace what is set aside, and never came to a checkpoint.
    if (holdsRun(this.root) && holdsRun(join(this.root, ASIDE))) this.removeOwn();
    this.move(this.root, join(this.root, ASIDE));
  }

  /** From here on the folder holds something of value: it stays, but where it would have replaced another run. */
  hasRecords(): void {
    if (this.how === "new") this.kept = true;
  }

  /** From here on the run can be gone on with: files of a run that it replaces go. */
  hasCheckpoint(): void {
    if (this.saved) return;
    this.saved = true;
    this.kept = true;
    rmSync(join(this.root, ASIDE), { recursive: true, force: true });
  }
  /** Lets go of the folder. A new run that kept nothing leaves it as it was, so that the same command can be given again. */
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
      return; // It is another's by now.
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
    // The configuration leaves first and comes back last: amid a move there is no run to be mistaken for another.
    if (to === this.root) names.reverse();
    for (const name of names) {
      makeFolder(dirname(join(to, name)));
      renameSync(join(from, name), join(to, name));
    }
    removeEmptyFolders(PARTS.filter((part) => part !== "").map((part) => join(from, part)));
  }
}
