// Byte sources: files by path, fetched by a page, read by Node or held in memory by a test.
import { SourceError } from "./errors.ts";

/** Named files. Paths are relative, with forward slashes, and never leave the source. */
export interface ByteSource {
  /** Folder or address, for error messages. */
  readonly name: string;
  /** The whole file. Errors: SourceError when it is not there or cannot be read. */
  read(path: string): Promise<Uint8Array>;
  exists(path: string): Promise<boolean>;
  /**
   * Names of the files and folders that lie directly in a folder, sorted by their characters' codes; "" is the source
   * itself. Errors: SourceError when there is no such folder.
   */
  list(path: string): Promise<string[]>;
}

/** Check a path: not empty, not absolute, without `..`. Every source calls this first. Errors: SourceError. */
export function checkPath(source: string, path: string): void {
  const bad = path === "" || path.includes("\\") || path.includes("\0");
  if (bad || path.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new SourceError(source, JSON.stringify(path), "expected a relative path without . or .. parts");
}

/** Check the path of a folder; "" is the source itself. Errors: SourceError. */
export function checkFolder(source: string, path: string): void {
  if (path !== "") checkPath(source, path);
}

/** Make a source of files in memory, by path. Reading throws SourceError for an absent file. */
export function memorySource(
  files: ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array>>,
  name = "memory",
): ByteSource {
  const held = new Map(files instanceof Map ? files : Object.entries(files));
  return {
    name,
    async read(path) {
      checkPath(name, path);
      const bytes = held.get(path);
      if (!bytes) throw new SourceError(name, path, "no such file");
      return bytes;
    },
    async exists(path) {
      checkPath(name, path);
      return held.has(path);
    },
    async list(path) {
      checkFolder(name, path);
      const prefix = path === "" ? "" : `${path}/`;
      const inside = [...held.keys()].filter((key) => key.startsWith(prefix));
      if (inside.length === 0 && path !== "") throw new SourceError(name, path, "no such folder");
      return [...new Set(inside.map((key) => key.slice(prefix.length).split("/")[0] as string))].sort();
    },
  };
}

/**
 * Make a source of the files below a web address, relative to the page if it is relative.
 *
 * A page of HTML under another name counts as missing: development servers answer so for files they do not have.
 * The web has no folders, so `list` reads `index.json` there: an array of the names.
 * Reading throws SourceError naming the address.
 */
export function fetchSource(baseUrl: string, fetcher: typeof fetch = (...args) => fetch(...args)): ByteSource {
  const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
  const request = async (path: string, method: "GET" | "HEAD"): Promise<Response> => {
    checkPath(base, path);
    try {
      return await fetcher(base + path.split("/").map(encodeURIComponent).join("/"), { method });
    } catch (cause) {
      throw new SourceError(base, path, `could not be fetched (${cause instanceof Error ? cause.message : cause})`);
    }
  };
  const isMissing = (path: string, response: Response): boolean => {
    if (response.status === 404 || response.status === 410) return true;
    const type = response.headers.get("content-type") ?? "";
    return response.ok && type.startsWith("text/html") && !/\.html?$/.test(path);
  };
  const read = async (path: string): Promise<Uint8Array> => {
    const response = await request(path, "GET");
    if (isMissing(path, response)) throw new SourceError(base, path, "no such file");
    if (!response.ok) throw new SourceError(base, path, `the server answered ${response.status}`);
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw new SourceError(base, path, `broke off (${cause instanceof Error ? cause.message : cause})`);
    }
  };
  return {
    name: base,
    read,
    async list(path) {
      checkFolder(base, path);
      const index = path === "" ? "index.json" : `${path}/index.json`;
      const bytes = await read(index).catch((cause: SourceError) => {
        const words = "a web server does not list a folder; put a JSON array of the names there";
        throw new SourceError(base, index, `${cause.message.slice(`${base}: ${index}: `.length)}: ${words}`);
      });
      const names = namesOf(new TextDecoder().decode(bytes));
      if (!names) throw new SourceError(base, index, "expected a JSON array of names");
      return names.sort();
    },
    async exists(path) {
      let response = await request(path, "HEAD");
      if (response.status === 405 || response.status === 501) {
        response = await request(path, "GET"); // a server without HEAD
        await response.body?.cancel();
      }
      if (isMissing(path, response)) return false;
      if (!response.ok) throw new SourceError(base, path, `the server answered ${response.status}`);
      return true;
    },
  };
}

/** Parse a JSON array of strings; null if it is none. */
function namesOf(text: string): string[] | null {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : null;
  } catch {
    return null;
  }
}
