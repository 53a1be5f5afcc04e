// Messages that stay until the visitor dismisses them, and the line that tells the state to screen readers now and then.
import { find, make } from "./dom.ts";

export type Weight = "problem" | "notice";

const MOST = 4;

/** Adds a message on top; the same text is not shown twice. Returns a function that takes it away. */
export function tell(weight: Weight, text: string): () => void {
  const box = find<HTMLElement>("#messages");
  for (const old of box.querySelectorAll(".message")) if (find(".message-text", old).textContent === text) old.remove();
  const words = make("p", "message-text", text);
  const close = make("button", "close", "Dismiss");
  close.type = "button";
  const message = make("div", `message ${weight}`, words, close);
  const gone = () => {
    // The focus goes on to the next message, or back to the page.
    const focused = message.contains(document.activeElement);
    const next = message.nextElementSibling ?? message.previousElementSibling;
    message.remove();
    if (focused) (next?.querySelector("button") ?? document.querySelector<HTMLElement>("#start"))?.focus();
  };
  close.addEventListener("click", gone);
  box.prepend(message);
  while (box.children.length > MOST) box.lastElementChild?.remove();
  return gone;
}

/** Between two things said, in ms. */
const PAUSE_MS = 8000;

let lastSaid = Number.NEGATIVE_INFINITY;
let waiting = "";
let timer = 0;

/** Says the state politely, at most every few seconds; the latest text wins. */
export function say(text: string, urgent = false): void {
  waiting = text;
  const wait = urgent ? 0 : lastSaid + PAUSE_MS - performance.now();
  const now = () => {
    timer = 0;
    lastSaid = performance.now();
    const line = find<HTMLElement>("#status");
    if (line.textContent !== waiting) line.textContent = waiting;
  };
  if (wait <= 0) {
    clearTimeout(timer);
    now();
  } else if (!timer) timer = window.setTimeout(now, wait);
}
