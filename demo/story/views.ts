// Other views of the page, by its address: `?embed` shows the stage only, for frames in other pages, and `?present` shows large
// type without settings, for projectors.

/** Return the view that an address asks for; null: the whole page. */
export function viewOf(search: string): "embed" | "present" | null {
  const query = new URLSearchParams(search);
  if (query.has("embed")) return "embed";
  return query.has("present") ? "present" : null;
}

/** Return true if a run begins without the visitor: a link to a run says so, the plain page does on a GPU. */
export function playsOnOpening(hash: string, software: boolean): boolean {
  return hash === "" ? !software : /[#&](preset|moves|end)=/.test(hash);
}

/** Mark the document with the view; the style sheet does the rest. */
export function applyView(): void {
  const view = viewOf(location.search);
  if (view) document.documentElement.dataset["view"] = view;
}
