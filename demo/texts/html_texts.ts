// Vite plugin for the texts of the demo's pages: "{{key}}" in HTML becomes the English text, and the element gets the key, so
// that demo/texts/page_texts.ts can replace the text by that of another language.
import { en, type TextKey } from "./en.ts";

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

function textOf(key: string): string {
  if (!Object.hasOwn(en, key)) throw new Error(`the page names the text ${key}, which demo/texts/en.ts lacks`);
  return escaped(en[key as TextKey]);
}

/** Write the texts into an HTML document. Throws if a key has no text. */
export function writeTexts(html: string): string {
  return html
    .replace(/aria-label="\{\{([^{}]+)\}\}"/g, (_, key) => `aria-label="${textOf(key)}" data-label="${key}"`)
    .replace(/>\{\{([^{}]+)\}\}</g, (_, key) => ` data-text="${key}">${textOf(key)}<`)
    .replace(/\{\{([^{}]+)\}\}/g, (_, key) => textOf(key));
}

export const texts = { name: "texts", transformIndexHtml: { order: "pre" as const, handler: writeTexts } };
