// The form of settings: built from the list of fields, shows those that apply, reports every valid change.
import { DEFAULTS, type NumberKey, RANGES, type Settings } from "../shared/settings.ts";
import { named, t } from "../texts/text.ts";
import { find, make } from "./dom.ts";
import {
  applies,
  type ChoiceKey,
  choices,
  NUMBER_FIELDS,
  parseNumber,
  SLIDER_END,
  sliderOfThreshold,
  thresholdOfSlider,
} from "./fields.ts";

/** Prefixes of the texts for the values of a choice. */
const NAMES = { model: "model", data: "data", method: "method", against: "method", precision: "precision" } as const;

interface FormEvents {
  /** A setting other than D changed. */
  change(settings: Settings): void;
  /** D changed; called at every move of the slider. */
  threshold(final: number, settings: Settings): void;
}

export class SettingsForm {
  private current: Settings = DEFAULTS;
  private hasHalf = false;
  private readonly rows = new Map<keyof Settings, HTMLElement>();
  private readonly inputs = new Map<NumberKey, HTMLInputElement>();
  private readonly selects = new Map<ChoiceKey, HTMLSelectElement>();
  private readonly slider = find<HTMLInputElement>("#threshold-slider");
  private readonly events: FormEvents;

  constructor(box: HTMLElement, events: FormEvents) {
    this.events = events;
    const order: readonly ChoiceKey[] = ["method", "against", "model", "data", "precision"];
    for (const key of order) box.append(this.choice(key));
    const numbers = make("div", "numbers");
    for (const { key, step } of NUMBER_FIELDS) numbers.append(this.number(key, step));
    box.append(numbers);
    this.rows.set("threshold", find<HTMLElement>("#threshold-row"));
    this.bindNumber("threshold", find<HTMLInputElement>("#threshold"), find<HTMLElement>("#threshold-error"));
    this.slider.max = String(SLIDER_END);
    this.slider.addEventListener("input", () => this.setThreshold(thresholdOfSlider(this.slider.valueAsNumber)));
    this.show(DEFAULTS);
  }

  get settings(): Settings {
    return this.current;
  }

  /** Show settings in the fields without reporting a change. */
  show(settings: Settings): void {
    this.current = settings;
    for (const [key, input] of this.inputs) {
      input.value = String(settings[key]);
      this.showError(input, "");
    }
    for (const [key, select] of this.selects) select.value = settings[key];
    this.refresh();
  }

  /** Enable these sources and disable all others. */
  setSources(sources: readonly string[]): void {
    const select = this.selects.get("data");
    for (const option of select?.options ?? []) {
      option.disabled = !sources.includes(option.value);
      // The visitor can bring files, but not a data set that the site lacks.
      option.hidden = option.disabled && option.value !== "files";
      if (option.value === "files") option.text = t(option.disabled ? "data.no-files" : "data.files");
    }
  }

  /** Offer the precision f16, or hide the choice in a browser without it. */
  setHalf(available: boolean): void {
    this.hasHalf = available;
    this.refresh();
  }

  private choice(key: ChoiceKey): HTMLElement {
    const select = make("select");
    select.id = `setting-${key}`;
    for (const value of choices(key)) select.append(new Option(named(NAMES[key], value), value));
    const label = make("label", "", t(`setting.${key}`));
    label.htmlFor = select.id;
    const row = make("div", "field", label, select);
    if (key === "method" || key === "against") {
      const note = make("p", "hint");
      note.id = `${select.id}-note`;
      select.setAttribute("aria-describedby", note.id);
      row.append(note);
    }
    select.addEventListener("change", () => this.set({ [key]: select.value }));
    this.selects.set(key, select);
    this.rows.set(key, row);
    return row;
  }

  private number(key: NumberKey, step: number | "any"): HTMLElement {
    const input = make("input");
    input.id = `setting-${key}`;
    // A text field, because a number field hides an invalid text from scripts.
    input.type = "text";
    input.inputMode = step === 1 ? "numeric" : "decimal";
    input.autocomplete = "off";
    const label = make("label", "", t(`setting.${key}`));
    label.htmlFor = input.id;
    const error = make("p", "field-error");
    error.id = `${input.id}-error`;
    const row = make("div", "field", label, input, error);
    this.rows.set(key, row);
    this.bindNumber(key, input, error);
    return row;
  }

  private bindNumber(key: NumberKey, input: HTMLInputElement, error: HTMLElement): void {
    input.setAttribute("aria-describedby", error.id);
    input.addEventListener("change", () => {
      const parsed = parseNumber(key, input.value);
      this.showError(input, "error" in parsed ? parsed.error : "");
      if ("error" in parsed || parsed.value === this.current[key]) return;
      if (key === "threshold") this.setThreshold(parsed.value);
      else this.set({ [key]: parsed.value });
    });
    this.inputs.set(key, input);
  }

  private showError(input: HTMLInputElement, message: string): void {
    const error = document.getElementById(input.getAttribute("aria-describedby") ?? "");
    if (error) error.textContent = message;
    input.setAttribute("aria-invalid", String(message !== ""));
  }

  private set(change: Partial<Settings>): void {
    this.current = { ...this.current, ...change };
    this.refresh();
    this.events.change(this.current);
  }

  /** Set D as if the visitor had moved its slider. */
  setThreshold(final: number): void {
    const { min, max } = RANGES.threshold;
    this.current = { ...this.current, threshold: Math.min(max, Math.max(min, final)) };
    const input = this.inputs.get("threshold");
    if (input) {
      input.value = String(this.current.threshold);
      this.showError(input, "");
    }
    this.refresh();
    this.events.threshold(this.current.threshold, this.current);
  }

  /** Update the visible rows, the notes and the slider. */
  private refresh(): void {
    const { current } = this;
    for (const [key, row] of this.rows) row.hidden = !applies(key, current) || (key === "precision" && !this.hasHalf);
    for (const key of ["method", "against"] as const) {
      const note = this.rows.get(key)?.querySelector(".hint");
      if (note) note.textContent = t(`method-note.${current[key]}`);
    }
    if (thresholdOfSlider(this.slider.valueAsNumber) !== current.threshold)
      this.slider.value = String(sliderOfThreshold(current.threshold));
    this.slider.setAttribute("aria-valuetext", String(current.threshold));
  }
}
