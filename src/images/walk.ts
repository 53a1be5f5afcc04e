// Lists the folders of a data set: sorted entries, links by a stated rule, and a count of all skipped files.
import type { Dirent, Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { SourceError } from "../data/index.ts";
import { hasImageExtension } from "./encoded_source.ts";
import { isSystemName, kindOfFile, SkippedFileCount } from "./passed_over.ts";

/**
 * Rule for links out of the folder: true follows all, false none; undefined (the default) those to files of the same
 * user.
 */
export type FollowLinks = boolean | undefined;

/** Deepest nesting within a class folder. */
const DEEPEST = 16;

export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly kind: "folder" | "file";
}

const byCodes = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);

async function read(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new SourceError(folder, ".", cause.code === "ENOENT" ? "no such folder" : (cause.code ?? cause.message));
  });
}

/** Count a file in a folder without images of a class. */
export function countFile(walk: Walk, { name, path }: Entry): void {
  walk.passed.add(hasImageExtension(name) ? "images in no class folder" : kindOfFile(name), walk.relative(path));
}

/** One reading of a data set's folder. */
export class Walk {
  /** Folder, with links resolved. */
  readonly root: string;
  readonly passed = new SkippedFileCount();
  /** Links that were followed out of the folder. */
  readonly linksOut = new Set<string>();
  /** Targets of links to files, by the links' paths relative to the root. */
  readonly goals = new Map<string, string>();
  private readonly follow: FollowLinks;
  /** Folders whose entries were counted: a folder may be listed more than once. */
  private readonly counted = new Set<string>();

  /** Folder as the user wrote it. */
  private readonly given: string;

  constructor(root: string, follow: FollowLinks, given = root) {
    this.root = root;
    this.given = given;
    this.follow = follow;
  }

  relative(path: string): string {
    return relative(this.root, path) || ".";
  }

  /** Return a path as the user would write it. */
  shown(path: string): string {
    return join(this.given, relative(this.root, path));
  }

  fail(path: string, message: string): never {
    throw new SourceError(this.root, this.relative(path), message);
  }

  /**
   * List a folder, sorted by character codes so that the order depends on no locale. System files, and entries that are
   * neither file nor folder, are counted and skipped.
   */
  async list(folder: string): Promise<Entry[]> {
    const entries: Entry[] = [];
    const again = this.counted.has(folder);
    this.counted.add(folder);
    for (const entry of (await read(folder)).sort(byCodes)) {
      const path = join(folder, entry.name);
      if (isSystemName(entry.name)) {
        if (!again) this.passed.add("hidden and system files", this.relative(path));
        continue;
      }
      const kind = entry.isDirectory() ? "folder" : entry.isFile() ? "file" : await this.special(path, entry, again);
      if (kind) entries.push({ name: entry.name, path, kind });
    }
    return entries;
  }

  /** List the folders in a folder; a name with the ending of an image is no class. */
  async folders(folder: string): Promise<Entry[]> {
    return (await this.list(folder)).filter(({ name, kind }) => kind === "folder" && !hasImageExtension(name));
  }

  private async special(path: string, entry: Dirent, again: boolean): Promise<Entry["kind"] | null> {
    if (!entry.isSymbolicLink()) {
      if (!again) this.passed.add("sockets, pipes and devices", this.relative(path));
      return null;
    }
    const goal = await realpath(path).catch((cause: NodeJS.ErrnoException) => {
      const circle = cause.code === "ELOOP";
      // A broken link to something other than an image is harmless.
      if (!hasImageExtension(entry.name) && entry.name.includes(".")) return null;
      return this.fail(path, circle ? "the links form a circle" : "a broken link");
    });
    if (goal === null) {
      if (!again) this.passed.add("broken links", this.relative(path));
      return null;
    }
    const found = await stat(goal);
    if (goal !== this.root && !goal.startsWith(this.root + sep)) this.allowOut(path, goal, found);
    if (found.isDirectory()) await this.refuseCircle(path, goal);
    if (found.isDirectory()) return "folder";
    if (found.isFile()) {
      this.goals.set(this.relative(path), goal);
      return "file";
    }
    if (!again) this.passed.add("sockets, pipes and devices", this.relative(path));
    return null;
  }

  private allowOut(path: string, goal: string, { uid }: Stats): void {
    const out = `a link out of the folder, to ${goal}`;
    if (this.follow === false) this.fail(path, `${out}; without --no-follow-links (followLinks) it is followed`);
    const user = process.getuid?.();
    if (this.follow === undefined && user !== undefined && uid !== user) {
      this.fail(path, `${out}, which belongs to another user; --follow-links (followLinks) permits it`);
    }
    this.linksOut.add(path);
  }

  /** Refuse a link to a folder that contains the link: reading would not end. */
  private async refuseCircle(path: string, goal: string): Promise<void> {
    const own = await realpath(join(path, ".."));
    if (own === goal || own.startsWith(goal + sep)) {
      this.fail(path, `a link to ${this.relative(goal)}, which contains it`);
    }
  }

  /** Return the paths of the images below a folder, relative to the root; other files are counted. */
  async images(folder: string, found: string[] = [], depth = 0): Promise<string[]> {
    if (depth > DEEPEST) this.fail(folder, `expected at most ${DEEPEST} levels of folders, got more`);
    for (const { name, path, kind } of await this.list(folder)) {
      if (kind === "folder") await this.images(path, found, depth + 1);
      else if (hasImageExtension(name)) found.push(this.relative(path));
      else this.passed.add(kindOfFile(name), this.relative(path));
    }
    return found;
  }

  /** Check whether a folder, or one a few levels below, holds an image. Counts nothing. */
  async hasImages(folder: string, depth = 0): Promise<boolean> {
    const inside = (await read(folder)).filter(({ name }) => !isSystemName(name)).sort(byCodes);
    if (inside.some((entry) => !entry.isDirectory() && hasImageExtension(entry.name))) return true;
    if (depth >= 6) return false;
    for (const entry of inside) {
      const path = join(folder, entry.name);
      const linked = entry.isSymbolicLink() && (await stat(path).catch(() => null))?.isDirectory();
      if ((linked || entry.isDirectory()) && (await this.hasImages(path, depth + 1))) return true;
    }
    return false;
  }
}
