// Shows ops as functions: a constant of type Op<[x: Tensor, ...], Options> gets a signature with parameters. Also sets the
// parts of doc comments (Shapes, Backward, Errors, ...) as paragraphs of their own.
import {
  Converter,
  IntrinsicType,
  ParameterReflection,
  ReflectionFlag,
  ReflectionKind,
  SignatureReflection,
} from "typedoc";

/** A label of a doc comment; code in backquotes after it is another part of the comment. */
const PART = /^([A-Z][a-z]+)\s{2,}(?=\S|(?![\s\S]))/gm;

/** Start a paragraph at each part of a doc comment, with its name in bold. */
function setParts(comment) {
  for (const part of comment?.summary ?? []) {
    if (part.kind === "text") part.text = part.text.replaceAll(PART, "\n\n**$1** ");
  }
}

function parameter(project, signature, name, type, optional) {
  const made = new ParameterReflection(name, ReflectionKind.Parameter, signature);
  made.type = type;
  if (optional) made.setFlag(ReflectionFlag.Optional, true);
  project.registerReflection(made, undefined, undefined);
  return made;
}

/** Return the parameters of an op: its inputs, of which those at the end may be left out if they may be null. */
function inputParameters(project, signature, inputs) {
  const made = inputs.elements.map((element, i) => {
    const type = element.element ?? element;
    const nullable = type.type === "union" && type.types.some((t) => t.type === "literal" && t.value === null);
    return parameter(project, signature, element.name ?? `x${i + 1}`, type, element.isOptional || nullable);
  });
  const lastRequired = made.findLastIndex(({ flags }) => !flags.isOptional);
  for (const each of made.slice(0, lastRequired)) each.setFlag(ReflectionFlag.Optional, false);
  return made;
}

const typesIn = (tuple) => tuple.elements.flatMap((e) => (e.element ?? e).types ?? [e.element ?? e]);
const takesOptions = (type) => type?.type === "reference" && !["Record", "NoOptions", "object"].includes(type.name);

/** Turn a constant into a function with these signatures. */
function makeFunction(reflection, signatures) {
  for (const signature of signatures) {
    signature.name = reflection.name;
    signature.parent = reflection;
    signature.sources = reflection.sources;
    signature.comment ??= reflection.comment;
  }
  reflection.setFlag(ReflectionFlag.Const, false);
  reflection.kind = ReflectionKind.Function;
  reflection.signatures = signatures;
  for (const part of ["comment", "type", "defaultValue"]) delete reflection[part];
}

/** Turn a constant of type Op or of a function type into a function, if `reflection` is one. */
function showAsFunction(project, reflection) {
  const { type } = reflection;
  const calls = type?.type === "reflection" ? type.declaration.signatures : undefined;
  if (calls?.every(({ kind }) => kind === ReflectionKind.CallSignature)) return makeFunction(reflection, calls);
  const [inputs, options] = type?.type === "reference" && type.name === "Op" ? (type.typeArguments ?? []) : [];
  if (inputs?.type !== "tuple") return;
  const signature = new SignatureReflection(reflection.name, ReflectionKind.CallSignature, reflection);
  project.registerReflection(signature, undefined, undefined);
  signature.parameters = inputParameters(project, signature, inputs);
  if (takesOptions(options)) signature.parameters.push(parameter(project, signature, "options", options, true));
  signature.type = typesIn(inputs).find(({ name }) => name === "Tensor") ?? new IntrinsicType("Tensor");
  makeFunction(reflection, [signature]);
}

/** Add both changes to an application, and give the modules the names of their entries. */
export function showOps(app, names) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    const { project } = context;
    for (const module of project.children ?? []) {
      const name = names.get(module.sources?.[0]?.fullFileName ?? "") ?? names.get(module.name);
      if (name) module.name = name;
    }
    for (const reflection of Object.values(project.reflections)) {
      setParts(reflection.comment);
      if (reflection.kindOf(ReflectionKind.Variable)) showAsFunction(project, reflection);
    }
  });
}
