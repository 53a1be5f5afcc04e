// Where a run keeps its files, and which checkpoints it keeps: the last K and the best.

import { type FileParts, joinParts, parseSafetensors, type SafetensorsFile } from "../io/safetensors.ts";
import { ArgumentError } from "../text/index.ts";

/** A directory as training sees it; the host provides it. Writes are atomic: a file is whole or absent. */
export interface RunStore {
  write(path: string, bytes: Uint8Array): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  /** The same for files in parts, and tensor by tensor: for checkpoints that are larger than one array can be. */
  writeParts?(path: string, parts: FileParts): Promise<void>;
  readTensors?(path: string): Promise<SafetensorsFile>;
  list(folder: string): Promise<string[]>;
  remove(path: string): Promise<void>;
}

const FOLDER = "checkpoints";
const BEST_NAME = "best.safetensors";
const BEST = `${FOLDER}/${BEST_NAME}`;
const stepOf = (name: string) => Number(/^step_(\d+)\.safetensors$/.exec(name)?.[1] ?? Number.NaN);

export interface DamagedCheckpoint {
  readonly path: string;
  /** The message of what was thrown. */
  readonly why: string;
}

export interface FoundCheckpoint {
  /** Path of the file; null where no checkpoint is whole, or there is none. */
  readonly whole: { readonly path: string } | null;
  /** Those that were passed over, the newest first. */
  readonly damaged: readonly DamagedCheckpoint[];
}

export class CheckpointShelf {
  private readonly store: RunStore;
  private readonly keep: number;

  /** `keep`: how many of the latest checkpoints stay, at least 1. */
  constructor(store: RunStore, keep: number) {
    if (!Number.isInteger(keep) || keep < 1)
      throw new ArgumentError(`keep wants a whole number >= 1, was given ${keep}`);
    this.store = store;
    this.keep = keep;
  }

  /**
   * Saves, then removes what is older than the last K up to this step: at no moment is there none. What is newer was damaged
   * when the run went on from an older one, and stays until it is written anew. Returns the path.
   */
  async save(step: number, bytes: Uint8Array | FileParts, isBest: boolean): Promise<string> {
    const path = `${FOLDER}/step_${String(step).padStart(8, "0")}.safetensors`;
    // The best first: a run that is killed between the two goes on from before both, and writes both again.
    if (isBest) await this.write(BEST, bytes);
    await this.write(path, bytes);
    const upTo = (await this.steps()).filter((name) => stepOf(name) <= step);
    for (const old of upTo.slice(0, -this.keep)) await this.store.remove(`${FOLDER}/${old}`);
    return path;
  }

  private write(path: string, bytes: Uint8Array | FileParts): Promise<void> {
    if (bytes instanceof Uint8Array) return this.store.write(path, bytes);
    return this.store.writeParts?.(path, bytes) ?? this.store.write(path, joinParts(bytes));
  }

  private async steps(): Promise<string[]> {
    const names = (await this.store.list(FOLDER)).filter((name) => !Number.isNaN(stepOf(name)));
    return names.sort((a, b) => stepOf(a) - stepOf(b));
  }

  /** Step of the latest checkpoint, unread; null without one. */
  async latestStep(): Promise<number | null> {
    const name = (await this.steps()).at(-1);
    return name === undefined ? null : stepOf(name);
  }

  /**
   * The newest checkpoint that `check` finds whole: of the latest, then the best one. `check` is given the bytes and the path
   * and throws for a damaged one; so does the store for one that cannot be read.
   */
  newestWhole(check: (bytes: Uint8Array, path: string) => void): Promise<FoundCheckpoint> {
    return this.newest(async (path) => check(await this.store.read(path), path));
  }

  /** The same, by what the files hold: read tensor by tensor where the store can. */
  newestReadable(check: (file: SafetensorsFile, path: string) => void): Promise<FoundCheckpoint> {
    const { store } = this;
    return this.newest(async (path) =>
      check((await store.readTensors?.(path)) ?? parseSafetensors(await store.read(path), path), path),
    );
  }

  private async newest(check: (path: string) => Promise<void>): Promise<FoundCheckpoint> {
    const damaged: DamagedCheckpoint[] = [];
    const best = (await this.store.list(FOLDER)).includes(BEST_NAME) ? [BEST_NAME] : [];
    for (const name of [...(await this.steps()).reverse(), ...best]) {
      const path = `${FOLDER}/${name}`;
      try {
        await check(path);
        return { whole: { path }, damaged };
      } catch (cause) {
        damaged.push({ path, why: cause instanceof Error ? cause.message : String(cause) });
      }
    }
    return { whole: null, damaged };
  }
}
