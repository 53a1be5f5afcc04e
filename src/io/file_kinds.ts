// Names the kind of a file that holds no weights, by its first bytes or its name.
import { quote } from "../text/index.ts";

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** First bytes, their offset, and the kind of the file. */
const MAGIC: readonly (readonly [bytes: string, offset: number, what: string])[] = [
  ["\x1f\x8b", 0, "compressed with gzip: unpack it first, as with gunzip"],
  ["BZh", 0, "compressed with bzip2: unpack it first, as with bunzip2"],
  ["\xfd7zXZ\0", 0, "compressed with xz: unpack it first, as with unxz"],
  ["\x28\xb5\x2f\xfd", 0, "compressed with zstd: unpack it first, as with unzstd"],
  ["\x04\x22\x4d\x18", 0, "compressed with lz4: unpack it first"],
  ["7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive: unpack it first"],
  ["Rar!", 0, "a RAR archive: unpack it first"],
  ["\x93NUMPY", 0, "a NumPy array (.npy), which has no array names: save the weights as safetensors"],
  ["\x89HDF\r\n\x1a\n", 0, "an HDF5 file, as Keras writes: save the weights as safetensors, under PyTorch's names"],
  ["GGUF", 0, "a GGUF file of llama.cpp: use the safetensors or PyTorch file it was made from"],
  ["ggml", 0, "a GGML file: use the safetensors or PyTorch file it was made from"],
  ["lmgg", 0, "a GGML file: use the safetensors or PyTorch file it was made from"],
  ["tjgg", 0, "a GGML file: use the safetensors or PyTorch file it was made from"],
  ["TFL3", 4, "a TensorFlow Lite model: save the weights as safetensors, under PyTorch's names"],
  ["MATLAB 5.0", 0, "a MATLAB file: save the weights as safetensors, under PyTorch's names"],
  ["%PDF", 0, "a PDF document"],
  ["\x89PNG\r\n\x1a\n", 0, "a PNG image"],
  ["\xff\xd8\xff", 0, "a JPEG image"],
];

/** Kinds without a mark in their first bytes, by the end of their names. */
const ENDINGS: readonly (readonly [RegExp, string])[] = [
  [/\.onnx$/i, "an ONNX model: use the PyTorch file it was made from"],
  [/\.ckpt(-\d+)?\.(index|meta|data-\d+-of-\d+)$/i, "part of a TensorFlow checkpoint: save the weights as safetensors"],
  [/\.pb$/i, "a TensorFlow graph: save the weights as safetensors, under PyTorch's names"],
  [/\.msgpack$/i, "a MessagePack file, as Flax writes: save the weights as safetensors, under PyTorch's names"],
  [/\.caffemodel$/i, "a Caffe model: save the weights as safetensors, under PyTorch's names"],
  [/\.mlmodel$/i, "a Core ML model: use the PyTorch file it was made from"],
];

/** Names of the members of PyTorch's first format. */
const OLD_MEMBERS: ReadonlySet<string> = new Set(["sys_info", "pickle", "tensors", "storages"]);

function tarOf(head: Uint8Array): string | null {
  if (ascii(head.subarray(257, 262)) !== "ustar") return null;
  const name = ascii(head.subarray(0, 100)).replace(/\0.*$/s, "").replace(/^\.\//, "");
  if (!OLD_MEMBERS.has(name)) return "a tar archive: unpack it first";
  return "a tar archive, as PyTorch wrote before version 0.2: load it with PyTorch 1.x and save model.state_dict() again";
}

/** Return the kind of a text of printable characters, or null. */
function textOf(head: Uint8Array): string | null {
  const text = new TextDecoder().decode(head).replace(/^\ufeff/, "");
  const start = text.trimStart().toLowerCase();
  if (start.startsWith("version https://git-lfs.github.com/spec/")) {
    const size = /^size (\d+)$/m.exec(text)?.[1];
    return `a Git LFS pointer, not the file itself${size ? `, which has ${size} bytes` : ""}: fetch it with git lfs pull`;
  }
  if (/^(<!--.*?-->\s*)?<(!doctype html|html|head|body)\b/s.test(start))
    return "a web page, not the file itself: the download was refused, or its address was that of a page";
  if (start.startsWith("<?xml") || start.startsWith("<error"))
    return "an XML text, not the file itself: the download was refused";
  if (start.startsWith("{") || start.startsWith("[")) return "a JSON text, which holds no weights";
  const visible = [...text].every((c) => (c >= " " && c !== "\x7f" && c !== "\ufffd") || "\t\r\n".includes(c));
  if (!visible || text.trim() === "") return null;
  return `a text that starts with ${quote(text.trim().slice(0, 40))}`;
}

/** Return the kind of a protocol buffer: ONNX and SavedModel start with a version and a field of text or messages. */
function protobufOf(head: Uint8Array): string | null {
  if (head[0] !== 8 || head.length < 4) return null;
  const [, version = 0, field = 0] = head;
  if (version === 1 && field === 0x12) return "a TensorFlow SavedModel: save the weights as safetensors";
  const isOnnx = version >= 3 && version <= 32 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(field);
  return isOnnx ? "an ONNX model: use the PyTorch file it was made from" : null;
}

/** Bytes of a file that kindOf needs. */
export const KIND_BYTES = 1024;

/**
 * Return the kind of a file without weights, as the end of "this is ..."; null if it is unknown. `head`: its first
 * bytes.
 */
export function kindOf(head: Uint8Array, name: string): string | null {
  if (head.length === 0) return "an empty file";
  for (const [bytes, offset, what] of MAGIC) {
    if (ascii(head.subarray(offset, offset + bytes.length)) === bytes) return what;
  }
  const found = tarOf(head) ?? ENDINGS.find(([ending]) => ending.test(name))?.[1] ?? protobufOf(head) ?? textOf(head);
  if (found) return found;
  return head.length >= 64 && head.every((byte) => byte === 0)
    ? "only zeros at its start: the download may be incomplete"
    : null;
}
