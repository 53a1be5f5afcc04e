// Reads the attributes of a case. An attribute that no handler reads makes the case unsupported.
import { EspalierError } from "../../src/text/index.ts";

/** Error for an op, an attribute or a value that the engine or this runner does not support. */
export class Unsupported extends EspalierError {
  override readonly name = "Unsupported";
}

export class Attrs {
  private readonly values: Readonly<Record<string, unknown>>;
  private readonly read = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values;
  }

  private get(name: string): unknown {
    this.read.add(name);
    return this.values[name];
  }

  private wrong(name: string, wanted: string): never {
    throw new Unsupported(`attribute ${name} = ${JSON.stringify(this.values[name])}; this runner knows ${wanted}`);
  }

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  number(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    return typeof value === "number" && Number.isFinite(value) ? value : this.wrong(name, "a number");
  }

  boolean(name: string, fallback?: boolean): boolean {
    const value = this.get(name) ?? fallback;
    return typeof value === "boolean" ? value : this.wrong(name, "true or false");
  }

  /** Read one of a list of words. */
  word<const W extends string>(name: string, allowed: readonly W[], fallback?: W): W {
    const value = this.get(name) ?? fallback;
    return allowed.includes(value as W) ? (value as W) : this.wrong(name, allowed.join(", "));
  }

  /** Read one number for both axes, or [height, width]. */
  pair(name: string, fallback?: number): [number, number] {
    const value = this.get(name) ?? fallback;
    const list = Array.isArray(value) ? value : [value, value];
    const fits = list.length === 2 && list.every((v) => Number.isInteger(v));
    return fits ? (list as [number, number]) : this.wrong(name, "a whole number or a pair of them");
  }

  /** Read axis numbers; null means all. */
  axes(name: string): number[] | null {
    const value = this.get(name) ?? null;
    if (typeof value === "number") return [value];
    if (value === null) return null;
    const fits = Array.isArray(value) && value.every((v) => Number.isInteger(v));
    return fits ? (value as number[]) : this.wrong(name, "a list of axes");
  }

  /** Read a list. The caller checks its items. */
  list(name: string): unknown[] {
    const value = this.get(name);
    return Array.isArray(value) ? value : this.wrong(name, "a list");
  }

  /** Read nested attributes. The caller must finish them too. */
  map(name: string): Attrs {
    const value = this.get(name);
    const fits = typeof value === "object" && value !== null && !Array.isArray(value);
    return fits ? new Attrs(value as Record<string, unknown>) : this.wrong(name, "a map");
  }

  /** Check whether the attribute is null (a missing attribute is not). */
  isNull(name: string): boolean {
    this.read.add(name);
    return this.values[name] === null;
  }

  /** Read a sentence; "" if absent. */
  sentence(name: string): string {
    const value = this.get(name) ?? "";
    return typeof value === "string" ? value : this.wrong(name, "a sentence");
  }

  /** Skip attributes that do not affect the run. */
  ignore(...names: string[]): void {
    for (const name of names) this.read.add(name);
  }

  /** Throw Unsupported if an unread attribute is left that is not an explanation (a string with a space). */
  finish(): void {
    for (const [name, value] of Object.entries(this.values)) {
      if (this.read.has(name) || (typeof value === "string" && /\s/.test(value))) continue;
      throw new Unsupported(`attribute ${name} = ${JSON.stringify(value)} is not known for this op`);
    }
  }
}
