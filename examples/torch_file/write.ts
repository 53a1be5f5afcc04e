// Writes a file as torch.save does: a zip archive with a pickle of an OrderedDict of tensors, and their numbers beside it. The
// example prune_torchvision reads it if it gets no file of PyTorch.
import type { StateDict } from "espalier";
import { writeZip } from "espalier/io";

const text = new TextEncoder();

/** Collects the bytes of a pickle of protocol 2, the one of torch.save. */
class Pickle {
  private readonly parts: Uint8Array[] = [];

  op(code: string): this {
    this.parts.push(Uint8Array.from(code, (letter) => letter.charCodeAt(0)));
    return this;
  }

  global(module: string, name: string): this {
    return this.op(`c${module}\n${name}\n`);
  }

  string(value: string): this {
    const bytes = text.encode(value);
    this.parts.push(Uint8Array.of(0x58, ...new Uint8Array(Uint32Array.of(bytes.length).buffer)), bytes);
    return this;
  }

  integer(value: number): this {
    this.parts.push(Uint8Array.of(0x4a, ...new Uint8Array(Int32Array.of(value).buffer)));
    return this;
  }

  integers(values: readonly number[]): this {
    this.op("(");
    for (const value of values) this.integer(value);
    return this.op("t");
  }

  bytes(): Uint8Array {
    return Uint8Array.from([0x80, 2, ...this.parts.flatMap((part) => [...part]), 0x2e]);
  }
}

const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));

/** Return the bytes of a .pth file with these arrays, all float32. */
export function torchFile(state: StateDict): Uint8Array {
  const files = new Map<string, Uint8Array>();
  const pickle = new Pickle().global("collections", "OrderedDict").op(")R(");
  let key = 0;
  for (const [name, { data, shape }] of state) {
    pickle.string(name).global("torch._utils", "_rebuild_tensor_v2").op("((");
    pickle.string("storage").global("torch", "FloatStorage").string(String(key)).string("cpu").integer(data.length);
    pickle.op("tQ").integer(0).integers(shape).integers(stridesOf(shape)).op("\x89");
    pickle.global("collections", "OrderedDict").op(")RtR");
    files.set(`archive/data/${key}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    key++;
  }
  return writeZip(
    new Map([["archive/data.pkl", pickle.op("u").bytes()], ...files, ["archive/version", text.encode("3\n")]]),
  );
}
