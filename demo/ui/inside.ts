// The part of the page below the stage, which opens and closes.
import { find } from "./dom.ts";

const part = () => find<HTMLElement>("#inside");
const button = () => find<HTMLButtonElement>("#look-inside");

/** Open and close the part with its button. `changed`: called after each change. */
export function bindInside(changed: () => void): void {
  button().addEventListener("click", () => {
    part().hidden = !part().hidden;
    button().setAttribute("aria-expanded", String(!part().hidden));
    changed();
  });
}

/** Remove the part and its button, where there is no GPU. */
export function hideInside(): void {
  part().hidden = true;
  button().hidden = true;
}
