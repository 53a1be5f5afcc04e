// Messages at the edge of the window, where visitors see them wherever they are on the page, and the status line for screen
// readers. Messages remove themselves.
import { t } from "../texts/text.ts";
import { find, make } from "./dom.ts";

type Severity = "problem" | "notice";

const MOST = 3;
/** Time until a message removes itself, in ms; longer texts stay longer. */
const STAY_MS = { notice: 6000, problem: 15000 };
const PER_LETTER_MS = 40;

/** Remove an element after a time during which it has neither the pointer nor the focus. */
function removeAfter(ms: number, element: HTMLElement, remove: () => void): void {
  let timer = window.setTimeout(remove, ms);
  const hold = () => clearTimeout(timer);
  const release = () => {
    clearTimeout(timer);
    timer = window.setTimeout(remove, ms);
  };
  for (const event of ["pointerenter", "focusin"]) element.addEventListener(event, hold);
  for (const event of ["pointerleave", "focusout"]) element.addEventListener(event, release);
}

/** Show a message on top of the others, once per text. Return a function that removes it. */
export function notify(severity: Severity, text: string): () => void {
  const box = find<HTMLElement>("#messages");
  for (const old of box.querySelectorAll(".message")) if (find(".message-text", old).textContent === text) old.remove();
  const words = make("p", "message-text", text);
  const close = make("button", "close", t("button.close"));
  close.type = "button";
  const message = make("div", `message ${severity}`, words, close);
  const gone = () => {
    // Move the focus to the next message, or back to the page.
    const focused = message.contains(document.activeElement);
    const next = message.nextElementSibling ?? message.previousElementSibling;
    message.remove();
    if (focused) (next?.querySelector("button") ?? document.querySelector<HTMLElement>("#start"))?.focus();
  };
  close.addEventListener("click", gone);
  removeAfter(STAY_MS[severity] + PER_LETTER_MS * text.length, message, gone);
  box.prepend(message);
  while (box.children.length > MOST) box.lastElementChild?.remove();
  return gone;
}

/** Time between two announcements, in ms. */
const PAUSE_MS = 8000;

let lastAnnounced = Number.NEGATIVE_INFINITY;
let waiting = "";
let timer = 0;

/** Announce the state to screen readers, at most every few seconds; the latest text wins. */
export function announce(text: string, urgent = false): void {
  waiting = text;
  const wait = urgent ? 0 : lastAnnounced + PAUSE_MS - performance.now();
  const now = () => {
    timer = 0;
    lastAnnounced = performance.now();
    const line = find<HTMLElement>("#status");
    if (line.textContent !== waiting) line.textContent = waiting;
  };
  if (wait <= 0) {
    clearTimeout(timer);
    now();
  } else if (!timer) timer = window.setTimeout(now, wait);
}
