/** True in Chromium, whose software rasteriser is six times slower: long loops take fewer turns there. */
export const inBrowser = typeof document !== "undefined";
