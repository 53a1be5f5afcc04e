// A strict reader of TensorBoard's event files for tests, apart from the writer in every part: its own checksum (by
// polynomial division, bit by bit), its own framing, and messages described to the protobuf library, which decodes them.
import { create, createFileRegistry, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import {
  type FieldDescriptorProto_Type,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

type Field = readonly [name: string, number: number, type: FieldDescriptorProto_Type | string, repeated?: "repeated"];

/** The fields of event.proto, summary.proto, tensor.proto and tensor_shape.proto that TensorBoard's files use. */
const MESSAGES: Readonly<Record<string, readonly Field[]>> = {
  Event: [
    ["wall_time", 1, Type.DOUBLE],
    ["step", 2, Type.INT64],
    ["file_version", 3, Type.STRING],
    ["summary", 5, "Summary"],
    ["session_log", 7, "SessionLog"],
  ],
  SessionLog: [["status", 1, Type.INT32]],
  Summary: [["value", 1, "Value", "repeated"]],
  Value: [
    ["tag", 1, Type.STRING],
    ["simple_value", 2, Type.FLOAT],
    ["image", 4, "Image"],
    ["histo", 5, "HistogramProto"],
    ["tensor", 8, "TensorProto"],
    ["metadata", 9, "SummaryMetadata"],
  ],
  Image: [
    ["height", 1, Type.INT32],
    ["width", 2, Type.INT32],
    ["colorspace", 3, Type.INT32],
    ["encoded_image_string", 4, Type.BYTES],
  ],
  HistogramProto: [
    ["min", 1, Type.DOUBLE],
    ["max", 2, Type.DOUBLE],
    ["num", 3, Type.DOUBLE],
    ["sum", 4, Type.DOUBLE],
    ["sum_squares", 5, Type.DOUBLE],
    ["bucket_limit", 6, Type.DOUBLE, "repeated"],
    ["bucket", 7, Type.DOUBLE, "repeated"],
  ],
  TensorProto: [
    ["dtype", 1, Type.INT32],
    ["tensor_shape", 2, "TensorShapeProto"],
    ["string_val", 8, Type.BYTES, "repeated"],
  ],
  TensorShapeProto: [["dim", 2, "Dim", "repeated"]],
  Dim: [["size", 1, Type.INT64]],
  SummaryMetadata: [["plugin_data", 1, "PluginData"]],
  PluginData: [
    ["plugin_name", 1, Type.STRING],
    ["content", 2, Type.BYTES],
  ],
};

/** Fields of a Value, of which one is present. A zero is written here; in other messages an absent field means zero. */
const ONE_OF = ["simple_value", "image", "histo", "tensor"];

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: "events.proto",
        package: "tb",
        syntax: "proto3",
        messageType: Object.entries(MESSAGES).map(([name, fields]) => ({
          name,
          field: fields.map(([field, number, type, repeated]) => ({
            name: field,
            jsonName: field,
            number,
            label: repeated ? Label.REPEATED : Label.OPTIONAL,
            ...(typeof type === "string" ? { type: Type.MESSAGE, typeName: `.tb.${type}` } : { type }),
            ...(name === "Value" && ONE_OF.includes(field) ? { oneofIndex: 0 } : {}),
          })),
          oneofDecl: name === "Value" ? [{ name: "value" }] : [],
        })),
      },
    ],
  }),
);

/** CRC-32C as the remainder of a division, one bit at a time. */
function remainder(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const out = (crc ^ BigInt((byte >> bit) & 1)) & 1n;
      crc = (crc >> 1n) ^ (out ? 0x82f63b78n : 0n);
    }
  }
  return Number(crc ^ 0xffffffffn);
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(remainder(bytes));
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** The data of each record. Throws where a length, a checksum or the end of the file is not exactly right. */
export function readRecords(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 16 > bytes.length) throw new Error(`record ${records.length}: cut off in its frame`);
    const length = Number(view.getBigUint64(at, true));
    if (view.getUint32(at + 8, true) !== masked(bytes.subarray(at, at + 8)))
      throw new Error(`record ${records.length}: the length does not match its checksum`);
    if (at + 16 + length > bytes.length) throw new Error(`record ${records.length}: cut off in its data`);
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 12 + length, true) !== masked(data))
      throw new Error(`record ${records.length}: the data do not match their checksum`);
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** All events of a file as JSON, with the field names of the .proto files. Throws for a field that is not described above. */
export function readEvents(bytes: Uint8Array): JsonValue[] {
  const desc = registry.getMessage("tb.Event")!;
  return readRecords(bytes).map((data) => {
    const message = fromBinary(desc, data);
    refuseUnknown(message);
    return toJson(desc, message, { useProtoFieldName: true, alwaysEmitImplicit: false });
  });
}

function refuseUnknown(value: unknown): void {
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return;
  const unknown = (value as { $unknown?: { no: number }[] }).$unknown;
  if (unknown && unknown.length > 0) throw new Error(`unknown field ${unknown[0]?.no}`);
  for (const part of Object.values(value)) refuseUnknown(part);
}
