// The texts of the page in the language of the visitor. Only the file of that language is loaded, before the modules that
// use it run.
import type { TextKey, Texts } from "./en.ts";

/** Languages of the page, each with its name in that language. */
export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

const LOADERS: Readonly<Record<Language, () => Promise<Texts>>> = {
  en: () => import("./en.ts").then(({ en }) => en),
  zh: () => import("./zh.ts").then(({ zh }) => zh),
};

/** Values of the places in a text. Numbers get the separators of the language. */
export type Values = Readonly<Record<string, string | number>>;

const isLanguage = (name: string): name is Language => Object.hasOwn(LANGUAGES, name);

/** Choose the language: that of ?lang= in the address, else the first known one of the browser, else English. */
export function languageOf(search: string, preferred: readonly string[]): Language {
  const asked = new URLSearchParams(search).get("lang");
  const names = [...(asked === null ? [] : [asked]), ...preferred].map((name) => name.toLowerCase().split("-")[0]!);
  return names.find(isLanguage) ?? "en";
}

/** Fill the places of a text: "{name}" with a value, "{n:picture|pictures}" with the plural form of a number. */
export function fill(text: string, values: Values, language: string): string {
  return text.replace(/\{(\w+)(?::([^{}]*))?\}/g, (place, name: string, forms: string | undefined) => {
    const value = values[name];
    if (value === undefined) return place;
    if (forms === undefined) return typeof value === "number" ? value.toLocaleString(language) : value;
    const [one = "", other = one] = forms.split("|");
    return new Intl.PluralRules(language).select(Number(value)) === "one" ? one : other;
  });
}

let language: Language = "en";
let texts: Texts;

/** Load the texts of a language and use them from now on. Texts on the page do not change. */
export async function setLanguage(next: Language): Promise<void> {
  texts = await LOADERS[next]();
  language = next;
}

const inPage = typeof document !== "undefined";
await setLanguage(inPage ? languageOf(location.search, navigator.languages) : "en");

/** Return the language of the texts, as in an HTML `lang` attribute. */
export const currentLanguage = (): Language => language;

/** Return a text with its places filled. */
export function t(key: TextKey, values: Values = {}): string {
  return fill(texts[key], values, language);
}

/** Return the text of a name that comes from outside, such as a file layout, or the name itself. */
export function named(prefix: string, name: string): string {
  const key = `${prefix}.${name}`;
  return Object.hasOwn(texts, key) ? t(key as TextKey) : name;
}
