// Builds the data of the search: the text of every section of every page.

export interface Section {
  /** Address from the root of the site. */
  readonly url: string;
  /** Title of the page. */
  readonly page: string;
  /** Heading of the section, "" above the first one. */
  readonly heading: string;
  /** Kind of the page: "guide", or a kind of API item ("function", "class", ...). */
  readonly kind: string;
  /** Entry of an API item, or "". */
  readonly entry: string;
  readonly text: string;
}

/** Headings of lists of names. The items have separate sections. */
const LISTS = new Set([
  "Index",
  "Constructors",
  "Properties",
  "Accessors",
  "Methods",
  "Parameters",
  "Functions",
  "Types",
]);

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
  "&amp;": "&",
};

export const plainText = (html: string): string =>
  html
    .replaceAll(/<code class="tsd-tag">[^<]*<\/code>/g, "")
    .replaceAll(/<(script|style|svg|button)[\s\S]*?<\/\1>/g, "")
    .replaceAll(/<\/?(?:p|div|li|tr|td|th|h\d|pre|section|br|dt|dd)\b[^>]*>/g, " ")
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity]!)
    .replaceAll(/\s+/g, " ")
    .trim();

/** Split the content of a page at its headings with anchors. */
export function sections(
  page: Pick<Section, "url" | "kind" | "entry"> & { readonly title: string; readonly html: string },
): Section[] {
  const { url, title, kind, entry, html } = page;
  const heading = /<h[1-4][^>]*?(?:id="([^"]*)")?[^>]*>([\s\S]*?)<\/h[1-4]>/g;
  const cuts = [...html.matchAll(heading)];
  const starts = [{ at: 0, end: 0, id: "", text: "" }];
  for (const cut of cuts) {
    const id = cut[1] ?? /id="([^"]*)"/.exec(cut[0])?.[1] ?? "";
    const text = plainText(cut[2]!);
    if (id === "" || text === title || (kind !== "guide" && LISTS.has(text))) continue;
    starts.push({ at: cut.index, end: cut.index + cut[0].length, id, text });
  }
  return starts.flatMap(({ end, id, text }, i) => {
    const body = plainText(html.slice(end, starts[i + 1]?.at));
    if (body === "" && text === "") return [];
    return [
      { url: id === "" ? url : `${url}#${id}`, page: title, heading: text, kind, entry, text: body.slice(0, 2000) },
    ];
  });
}
