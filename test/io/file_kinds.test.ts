// Files without weights: the error names the kind of each.
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { kindOf } from "../../src/io/file_kinds.ts";
import { DamagedFileError, openWeights, writeNpy } from "../../src/io/index.ts";
import { writeZip } from "../../src/io/zip.ts";

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Make the first block of a tar archive: the name of its first member, and the mark. */
function tar(name: string): Uint8Array {
  const out = new Uint8Array(1024);
  out.set(bytes(name));
  out.set(bytes("ustar"), 257);
  return out;
}

const lfs = `version https://git-lfs.github.com/spec/v1\noid sha256:${"4".repeat(64)}\nsize 46830571\n`;

test.each<[string, string, Uint8Array, string]>([
  [
    "a Git LFS pointer",
    "m.pth",
    bytes(lfs),
    "this is a Git LFS pointer, not the file itself, which has 46830571 bytes: fetch it with git lfs pull",
  ],
  [
    "a web page",
    "m.pth",
    bytes("<!DOCTYPE html><html><head><title>404</title></head></html>\n"),
    "this is a web page, not the file itself",
  ],
  ["a web page after blanks", "m.safetensors", bytes("\n\n  <html lang='en'>"), "this is a web page"],
  ["a web page with a mark of byte order", "m.pt", bytes("\xef\xbb\xbf<!doctype HTML>"), "this is a web page"],
  [
    "an error of a storage service",
    "m.pt",
    bytes('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
    "this is an XML text",
  ],
  ["a text", "m.safetensors", bytes("Entry not found"), 'this is a text that starts with "Entry not found"'],
  ["JSON", "config.json", bytes('{"model_type": "resnet"}'), "this is a JSON text, which holds no weights"],
  ["nothing", "m.pth", new Uint8Array(0), "this is an empty file"],
  ["gzip", "m.pth.gz", new Uint8Array(gzipSync("x".repeat(99))), "this is compressed with gzip: unpack it first"],
  ["bzip2", "m.bz2", bytes("BZh91AY&SY"), "this is compressed with bzip2"],
  ["xz", "m.xz", bytes("\xfd7zXZ\0\0\x04"), "this is compressed with xz"],
  ["zstd", "m.zst", bytes("\x28\xb5\x2f\xfd\x04\x58"), "this is compressed with zstd"],
  ["7-Zip", "m.7z", bytes("7z\xbc\xaf\x27\x1c\0\x04"), "this is a 7-Zip archive"],
  ["tar of old PyTorch", "m.pth", tar("sys_info"), "this is a tar archive, as PyTorch wrote before version 0.2"],
  ["tar of old PyTorch, other member", "m.pth", tar("./storages"), "as PyTorch wrote before version 0.2"],
  ["tar of something else", "m.tar", tar("model.pth"), "this is a tar archive: unpack it first"],
  [
    "a NumPy array",
    "m.npy",
    writeNpy({ dtype: "F32", shape: [1], data: Float32Array.of(1) }),
    "this is a NumPy array (.npy)",
  ],
  [
    "a NumPy archive",
    "m.npz",
    writeZip(new Map([["w.npy", new Uint8Array(4)]])),
    "a NumPy archive (.npz), not one of torch.save: it has no data.pkl",
  ],
  [
    "a Keras archive",
    "m.keras",
    writeZip(
      new Map([
        ["config.json", bytes("{}")],
        ["model.weights.h5", bytes("x")],
      ]),
    ),
    "a Keras archive",
  ],
  [
    "a zip of weights",
    "m.zip",
    writeZip(new Map([["model.pth", bytes("x")]])),
    'a zip archive of "model.pth", which has to be unpacked first',
  ],
  ["HDF5", "m.h5", bytes("\x89HDF\r\n\x1a\n\0\0"), "this is an HDF5 file, as Keras writes"],
  ["GGUF", "m.gguf", bytes("GGUF\x03\0\0\0"), "this is a GGUF file"],
  ["ONNX", "m.bin", bytes("\x08\x08\x12\x07pytorch"), "this is an ONNX model"],
  ["ONNX by its name", "m.onnx", bytes("\x3a\x01\x02\x03"), "this is an ONNX model"],
  ["a SavedModel", "saved_model.pb", bytes("\x08\x01\x12\x03abc"), "this is a TensorFlow"],
  [
    "a TensorFlow checkpoint",
    "m.ckpt-100.data-00000-of-00001",
    bytes("\x01\x02\x03\x04"),
    "this is part of a TensorFlow checkpoint",
  ],
  ["TensorFlow Lite", "m.tflite", bytes("\x1c\0\0\0TFL3"), "this is a TensorFlow Lite model"],
  ["a picture", "m.pth", bytes("\x89PNG\r\n\x1a\n"), "this is a PNG image"],
  ["zeros", "m.safetensors", new Uint8Array(4096), "this is only zeros at its start"],
  [
    "anything else",
    "m.pth",
    bytes("\xff\xfe\x01\x02\x03\x04\x05\x06\x07\x08"),
    "neither safetensors nor a file of torch.save",
  ],
])("%s", async (_, name, file, words) => {
  const error = await openWeights(file, name).then(
    () => new Error("it was read"),
    (cause: unknown) => cause as Error,
  );
  expect(error.message.slice(0, name.length + 2)).toBe(`${name}: `);
  expect(error.message).toContain(words);
  expect(error.message).not.toMatch(/[\r\n]/);
  expect(error).toBeInstanceOf(DamagedFileError);
});

test("does not report the length before a brace as text", () => {
  expect(kindOf(bytes("\x80\0\0\0\0\0\0\0{"), "m.bin")).toBeNull();
});
