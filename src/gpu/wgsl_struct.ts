// Reads a struct's declaration from WGSL and packs values into its memory layout by field name.
import { KernelError } from "./errors.ts";

interface StructField {
  readonly name: string;
  readonly scalar: "u32" | "i32" | "f32";
  /** Components: 1 for a scalar. */
  readonly width: number;
  /** Bytes from the start of the struct. */
  readonly offset: number;
}

type StructValues = Readonly<Record<string, number | readonly number[] | undefined>>;

/**
 * A WGSL struct of 32-bit scalars and vectors. A last field `array<Item>` without a length is a tail: it has no values, and
 * `bytes` is where it begins.
 *
 *     const hyper = readStruct("sgd", wgsl, "Hyper");
 *     const words = hyper.pack({ lr: 0.1, phase: 0, ... });     // every field, or KernelError
 *     hyper.write(words, { lr: 0.05 });                         // these fields only
 *     new Float32Array(words.buffer)[hyper.wordOf("lr")];
 */
export class WgslStruct {
  readonly name: string;
  readonly fields: readonly StructField[];
  /** Size, rounded up to the alignment. */
  readonly bytes: number;
  readonly align: number;
  private readonly owner: string;
  private readonly byName: ReadonlyMap<string, StructField>;

  constructor(owner: string, name: string, fields: readonly StructField[], bytes: number, align: number) {
    this.owner = owner;
    this.name = name;
    this.fields = fields;
    this.bytes = bytes;
    this.align = align;
    this.byName = new Map(fields.map((field) => [field.name, field]));
  }

  /** Return the 32-bit words of a struct. Throws KernelError for a missing or unknown field, or a value that does not fit. */
  pack(values: StructValues): Uint32Array {
    for (const { name } of this.fields) if (values[name] === undefined) throw this.refuse(name, undefined);
    const words = new Uint32Array(this.bytes / 4);
    this.write(words, values);
    return words;
  }

  /** Overwrite the named fields of a struct that begins at word `start`. Fields that are undefined stay. */
  write(words: Uint32Array, values: StructValues, start = 0): void {
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    for (const name in values) {
      const value = values[name];
      const { scalar, width, offset } = this.field(name);
      if (value === undefined) continue;
      const list = typeof value === "number" ? [value] : value;
      if (list.length !== width) throw this.refuse(name, value);
      for (let i = 0; i < width; i++) {
        const at = start + offset / 4 + i;
        const v = list[i]!;
        if (scalar === "f32") floats[at] = v;
        else if (v === (scalar === "i32" ? v | 0 : v >>> 0)) words[at] = v;
        else throw this.refuse(name, value);
      }
    }
  }

  /** Return the index of a field's first 32-bit word in the struct. */
  wordOf(name: string): number {
    return this.field(name).offset / 4;
  }

  private field(name: string): StructField {
    const field = this.byName.get(name);
    if (field) return field;
    const known = this.fields.map((f) => f.name).join(", ") || "none";
    throw new KernelError(this.owner, `${this.name}: expected a field of ${known}, got ${name}`);
  }

  private refuse(name: string, got: number | readonly number[] | undefined): KernelError {
    const { scalar, width } = this.field(name);
    const expected = width === 1 ? scalar : `${width} ${scalar}`;
    return new KernelError(this.owner, `${this.name}.${name}: expected ${expected}, got ${got}`);
  }
}

/** `x: u32`, `x: vec3<f32>` or `x: vec3f`. */
const FIELD = /^(\w+)\s*:\s*(?:vec([234])(?:<\s*(u32|i32|f32)\s*>|([uif]))|(u32|i32|f32))$/;
const TAIL = /^\w+\s*:\s*array<(\w+)>$/;

/** Remove the comments of a shader. Block comments nest in WGSL. */
export function withoutComments(wgsl: string): string {
  let [text, before] = [wgsl, ""];
  while (text !== before) [text, before] = [text.replace(/\/\*(?:(?!\/\*|\*\/)[\s\S])*\*\/|\/\/.*/g, ""), text];
  return text;
}

/**
 * Read the struct `name` from a shader's text. A text without it gives a struct without fields. Throws KernelError for a
 * field of another type. `owner` is the kernel's name in errors.
 */
export function readStruct(owner: string, wgsl: string, name: string): WgslStruct {
  const text = withoutComments(wgsl);
  const body = new RegExp(`\\bstruct\\s+${name}\\s*\\{([^}]*)\\}`).exec(text)?.[1] ?? "";
  const declared = body.split(",").map((field) => field.trim());
  const fields: StructField[] = [];
  let end = 0;
  let align = 4;
  for (const line of declared) {
    if (line === "") continue;
    const tail = line === declared.filter((d) => d !== "").at(-1) ? TAIL.exec(line) : null;
    const field = FIELD.exec(line);
    if (tail) {
      align = Math.max(align, alignmentOf(owner, text, tail[1]!));
    } else if (field) {
      const width = Number(field[2] ?? 1);
      const alignment = width === 3 ? 16 : width * 4;
      align = Math.max(align, alignment);
      const offset = Math.ceil(end / alignment) * alignment;
      fields.push({
        name: field[1]!,
        scalar: (field[3] ?? field[5] ?? `${field[4]}32`) as StructField["scalar"],
        width,
        offset,
      });
      end = offset + width * 4;
    } else {
      throw new KernelError(owner, `${name}: expected a 32-bit scalar or vector, got field "${line}"`);
    }
  }
  return new WgslStruct(owner, name, fields, Math.ceil(end / align) * align, align);
}

const alignmentOf = (owner: string, text: string, type: string) =>
  /^(?:u32|i32|f32)$/.test(type) ? 4 : readStruct(owner, text, type).align;
