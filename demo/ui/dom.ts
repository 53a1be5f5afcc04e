// Small helpers for the page's elements. Text is set as text, never as HTML.

/** Return the first element that matches; throws if there is none. */
export function find<T extends Element>(selector: string, within: ParentNode = document): T {
  const element = within.querySelector<T>(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return element;
}

type Child = Node | string;

/** Make an element with a class and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Make a button that does something when it is pressed. */
export function pressButton(text: string, press: () => void, className = ""): HTMLButtonElement {
  const button = make("button", className, text);
  button.type = "button";
  button.addEventListener("click", press);
  return button;
}

/** Set a text if it differs, which avoids needless layout. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Download a file to the visitor's computer. */
export function save(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Return a function that calls immediately, then at most every `ms`; the last call is never dropped. */
export function atMostEvery(ms: number, call: () => void): () => void {
  let last = Number.NEGATIVE_INFINITY;
  let timer = 0;
  return () => {
    if (timer) return;
    const wait = last + ms - performance.now();
    const run = () => {
      timer = 0;
      last = performance.now();
      call();
    };
    if (wait <= 0) run();
    else timer = window.setTimeout(run, wait);
  };
}

/** Return a function that calls with its latest value, at most every `ms`. */
export function latestEvery<T>(ms: number, call: (value: T) => void): (value: T) => void {
  let latest: T;
  const go = atMostEvery(ms, () => call(latest));
  return (value) => {
    latest = value;
    go();
  };
}
