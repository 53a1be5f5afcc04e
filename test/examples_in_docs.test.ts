// The examples in doc comments compile as users would write them, against the public entries.
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
// The compiler of the documentation tools: TypeScript 7 has no JavaScript API.
import type TypeScript from "../docs/node_modules/typescript/lib/typescript.js";
import { moduleOf, readDocExamples } from "./support/doc_examples.ts";

const root = resolve(import.meta.dirname, "..");
const ts = createRequire(join(root, "docs/package.json"))("typescript") as typeof TypeScript;
const examples = readDocExamples();

/** The names that users meet first. */
const COMMON =
  `tensor zeros scalar tidy noGrad captureStep readAll relu softmax add mul sum mean matmul linear conv2d crossEntropy
  Conv2d Linear BatchNorm2d Sequential Module ModuleList Parameter SGD makeLrSchedule Tape defineOp kernel gradcheck requestGpu Scope
  Session saveModel loadModel loadState summarize DataLoader arrayDataset imageDataset loadMnist makePruningMethod
  makeThresholdSchedule compression multiplyAdds softThreshold LIFNode buildModel writeSafetensors parseSafetensors readWeights
  exportOnnx installGpu`.split(/\s+/);

test("the most used names have an example", () => {
  const shown = new Set(examples.map(({ name }) => name));
  expect(COMMON.filter((name) => !shown.has(name))).toEqual([]);
});

test("every example compiles", () => {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const raw = { ...config, include: [], files: [] };
  const { options } = ts.parseJsonConfigFileContent(raw, ts.sys, root);
  const files = new Map(examples.map((example, i) => [join(root, `test/example_${i}.ts`), moduleOf(example)]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, target, ...rest) => {
    const text = files.get(file);
    return text === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, text, target, true);
  };
  const types = join(root, "src/wgsl.d.ts");
  const program = ts.createProgram(
    [...files.keys(), types],
    { ...options, types: ["@webgpu/types"], noUnusedLocals: false, noUncheckedIndexedAccess: false },
    host,
  );
  const faults = [...files.keys()].flatMap((file, i) => {
    const source = program.getSourceFile(file)!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(
      ({ messageText }) => `${examples[i]!.label}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
  expect(faults).toEqual([]);
}, 240_000);
