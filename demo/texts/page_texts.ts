// Writes the texts of the language into index.html, which has English ones when it is built, and makes the language switch.
import type { TextKey } from "./en.ts";
import { currentLanguage, LANGUAGES, t } from "./text.ts";

/** Write the texts of all elements with `data-text` or `data-label`, the title and the language of the page. `title`: its key. */
export function writePageTexts(title: TextKey = "page.tab"): void {
  document.documentElement.lang = currentLanguage() === "zh" ? "zh-Hans" : "en";
  document.title = t(title);
  // The built page has the English texts.
  if (currentLanguage() !== "en") {
    for (const element of document.querySelectorAll<HTMLElement>("[data-text]"))
      element.textContent = t(element.dataset["text"] as TextKey);
    for (const element of document.querySelectorAll<HTMLElement>("[data-label]"))
      element.setAttribute("aria-label", t(element.dataset["label"] as TextKey));
  }
}

/** Fill the list of links to the other languages. A link keeps the settings of the address. */
export function writeLanguageLinks(host: HTMLElement): void {
  for (const [code, name] of Object.entries(LANGUAGES)) {
    if (code === currentLanguage()) continue;
    const link = document.createElement("a");
    link.textContent = name;
    link.lang = code;
    link.hreflang = code;
    const aim = () => {
      const search = new URLSearchParams(location.search);
      search.set("lang", code);
      link.href = `?${search}${location.hash}`;
    };
    aim();
    link.addEventListener("pointerdown", aim);
    link.addEventListener("click", aim);
    host.append(link);
  }
}
