// The text header of AEDAT files: lines that start with "#"; the first names the version.
import { EventError } from "./types.ts";

const HASH = 0x23;
const NEWLINE = 10;

type AedatVersion = "2" | "3";

/** Return the line at byte `at` without its end, and the start of the next one; null if no line ends there. */
function lineAt(bytes: Uint8Array, at: number): { text: string; next: number } | null {
  const end = bytes.indexOf(NEWLINE, at);
  if (end < 0) return null;
  const text = new TextDecoder("latin1").decode(bytes.subarray(at, Math.min(end, at + 200)));
  return { text: text.replace(/\r$/, ""), next: end + 1 };
}

/** Return the AEDAT version by the first line; null if it is not 2 or 3. */
export function aedatVersion(bytes: Uint8Array): AedatVersion | null {
  const first = new TextDecoder("latin1").decode(bytes.subarray(0, 11));
  return (/^#!AER-DAT([23])/.exec(first)?.[1] as AedatVersion | undefined) ?? null;
}

/**
 * Return the first byte after the header. Version 3 marks the end of its header. Version 2 does not: its header ends
 * before the first line that does not start with "#", and the rest is not assumed to be text.
 *
 * Errors    EventError: another version, none, or a header without its end.
 */
export function skipAedatHeader(bytes: Uint8Array, name: string, version: AedatVersion): number {
  const found = aedatVersion(bytes);
  if (bytes.length === 0) throw new EventError(name, "empty", 0, "the file is empty");
  if (found !== version) {
    const got = found === null ? "a file without #!AER-DAT at its start" : `AEDAT ${found}`;
    throw new EventError(name, "no header", 0, `expected an AEDAT ${version} file, got ${got}`);
  }
  let at = 0;
  while (bytes[at] === HASH) {
    const line = lineAt(bytes, at);
    if (!line) throw new EventError(name, "truncated", at, "truncated: a header line without an end");
    at = line.next;
    if (version === "3" && line.text === "#!END-HEADER") return at;
  }
  if (version === "3") throw new EventError(name, "no header", at, "the header has no line #!END-HEADER");
  return at;
}
