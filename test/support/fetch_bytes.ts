// Reads a file of the test folder in either host: the page fetches it, Node (whose fetch has no file: scheme) opens it.

/** Bytes behind a URL made with `new URL(path, import.meta.url)`. Throws when there is no such file. */
export async function fetchBytes(url: URL): Promise<Uint8Array> {
  if (url.protocol === "file:") {
    // The name is a value, so that the browser's bundler does not look for the module.
    const fs = "node:fs/promises";
    const { readFile } = (await import(/* @vite-ignore */ fs)) as typeof import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
