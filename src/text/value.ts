// Wrong values in messages.

/** Return the kind of a value for "expected X, got ...": its type, null, a list, or the class of an object. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value !== "object") return typeof value;
  const { name } = (value as object).constructor ?? Object;
  return name === "Object" ? "object" : name;
}

/** Return a value for "expected X, got ...": text that reads as a number is quoted, and an object is its kind. */
export function valueText(value: unknown): string {
  if (typeof value === "string") return Number.isNaN(Number(value)) ? value : `"${value}"`;
  return Object(value) === value && !Array.isArray(value) ? kindOf(value) : String(value);
}
