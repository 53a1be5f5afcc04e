// The teacher's sheet: questions and answers on one page to print, in the language of the visitor.
import { writeLanguageLinks, writePageTexts } from "./texts/page_texts.ts";

writePageTexts("teach.tab");
const languages = document.querySelector<HTMLElement>("#languages");
if (languages) writeLanguageLinks(languages);
