// The public entries as TypeScript's compiler sees them: their names, the types of their signatures and their comments. Read from
// the declarations that users get.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
// The compiler of the documentation tools: TypeScript 7 has no JavaScript API.
import type TypeScript from "../../docs/node_modules/typescript/lib/typescript.js";
import { PUBLIC_ENTRIES } from "../../tools/packages/entries.ts";

const root = resolve(import.meta.dirname, "../..");
const ts = createRequire(join(root, "docs/package.json"))("typescript") as typeof TypeScript;

export type EntryName = keyof typeof PUBLIC_ENTRIES;

/** A name of an entry. */
export interface PublicName {
  readonly entry: EntryName;
  readonly name: string;
  readonly isValue: boolean;
  /** File that declares it, from the root of the repository. */
  readonly file: string;
  /** Text of its doc comment; null if there is none. */
  readonly doc: string | null;
  /** True if the function or class throws errors itself. */
  readonly throws: boolean;
  /** True for an op made by `defineOp` or `defineView`. */
  readonly isOp: boolean;
  /** Members of a class without a doc comment. */
  readonly bareMembers: readonly string[];
}

export interface PublicApi {
  readonly names: readonly PublicName[];
  /** Types in public signatures that no entry exports: "Name (file), in entry: names". */
  readonly hidden: readonly string[];
}

type Program = TypeScript.Program;

/** Return the text of every declaration file that the entries need, by path. */
function declarations(options: TypeScript.CompilerOptions): Map<string, string> {
  const files = [...Object.values(PUBLIC_ENTRIES), "src/wgsl.d.ts"].map((file) => join(root, file));
  const out = new Map<string, string>();
  const emit = { ...options, declaration: true, emitDeclarationOnly: true, noEmit: false, isolatedModules: false };
  ts.createProgram(files, emit).emit(undefined, (file, text) => void out.set(file, text), undefined, true);
  return out;
}

/** Make a program of declaration files in memory. */
function programOf(files: ReadonlyMap<string, string>, options: TypeScript.CompilerOptions): Program {
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, target, ...rest) => {
    const text = files.get(file);
    return text === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, text, target, true);
  };
  host.resolveModuleNameLiterals = (literals, containing) =>
    literals.map(({ text }) => {
      const file = resolve(dirname(containing), text).replace(/\.ts$/, ".d.ts");
      const own = text.startsWith(".") && files.has(file);
      if (own) return { resolvedModule: { resolvedFileName: file, extension: ts.Extension.Dts } };
      return ts.resolveModuleName(text, containing, options, host);
    });
  return ts.createProgram([...files.keys()], { ...options, noEmit: true }, host);
}

function compilerOptions(): TypeScript.CompilerOptions {
  const file = join(root, "tsconfig.node.json");
  const { config } = ts.readConfigFile(file, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root);
  return { ...options, allowImportingTsExtensions: true };
}

const isInternal = (node: TypeScript.Node) => ts.getJSDocTags(node).some((tag) => tag.tagName.text === "internal");
const isPrivate = (node: TypeScript.Node) =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.PrivateKeyword);

/** Return the node that carries the comment of a declaration. */
const commented = (node: TypeScript.Node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node);

/** Return the text of a node's doc comment; null if there is none. */
function docOf(declaration: TypeScript.Node): string | null {
  const comments = ts.getJSDocCommentsAndTags(commented(declaration)).filter(ts.isJSDoc);
  return comments.length === 0 ? null : comments.map((comment) => comment.getText()).join("\n");
}

/** Return the name that a node of a type refers to, if it is a reference. */
function referenceOf(node: TypeScript.Node): TypeScript.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isExpressionWithTypeArguments(node)) return node.expression;
  if (ts.isTypeQueryNode(node)) return node.exprName;
  if (ts.isImportTypeNode(node)) return node.qualifier;
  return undefined;
}

/** Return true if the source of a function or class throws, or calls a check that does. */
function throwsErrors(file: string, name: string): boolean {
  const text = readFileSync(join(root, file), "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const node = source.statements.find(
    (statement) =>
      (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name?.text === name,
  );
  return /\bthrow\b|\bfail\(|\bcheck\(|\bexpect[A-Z]\w*\(/.test(node?.getText() ?? "");
}

/** Read the public entries. Takes seconds: it compiles all of src/. */
export function readPublicApi(): PublicApi {
  const options = compilerOptions();
  const files = declarations(options);
  const program = programOf(files, options);
  const checker = program.getTypeChecker();
  const resolved = (symbol: TypeScript.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

  const listed = Object.entries(PUBLIC_ENTRIES).flatMap(([entry, file]) => {
    const source = program.getSourceFile(join(root, file).replace(/\.ts$/, ".d.ts"))!;
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source)!);
    return exported.map((symbol) => ({ entry: entry as EntryName, name: symbol.name, symbol: resolved(symbol) }));
  });
  const isPublic = new Set(listed.map(({ symbol }) => symbol));

  /** Layers and weights of a network have the names of its state_dict and need no comment. */
  const isLayer = (node: TypeScript.Node, owner: TypeScript.Type) => {
    const derives = (type: TypeScript.Type): boolean => {
      if (type.isUnion()) return type.types.every(derives);
      const own = ((type as TypeScript.TypeReference).target ?? type) as TypeScript.InterfaceType;
      return ["Module", "Tensor"].includes(own.symbol?.name ?? "") || (own.getBaseTypes() ?? []).some(derives);
    };
    if (!derives(owner) || owner.symbol.name === "Tensor" || !ts.isPropertyDeclaration(node)) return false;
    const type = checker.getNonNullableType(checker.getTypeAtLocation(node));
    const item = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
    return derives(type) || (item !== undefined && derives(item));
  };
  const bare = (declaration: TypeScript.Node): string[] => {
    if (!ts.isClassDeclaration(declaration)) return [];
    const owner = checker.getTypeAtLocation(declaration);
    return declaration.members.flatMap((member) => {
      const name = member.name?.getText() ?? "";
      // The comment of the class describes its arguments; `name` and Symbol members are those of the platform.
      const known = ts.isConstructorDeclaration(member) || name.startsWith("[") || ["forward", ""].includes(name);
      const fixed = name === "name" && /Error$/.test(owner.symbol.name);
      // The comment of a getter or of an overload serves for all of that name.
      if (declaration.members.some((other) => other.name?.getText() === name && docOf(other))) return [];
      if (known || fixed || isPrivate(member) || isInternal(member) || docOf(member) || isLayer(member, owner))
        return [];
      return [name];
    });
  };

  const hidden = new Map<TypeScript.Symbol, string[]>();
  const visit = (node: TypeScript.Node, user: string): void => {
    if (isPrivate(node) || isInternal(node)) return;
    const reference = referenceOf(node);
    const found = reference && checker.getSymbolAtLocation(reference);
    if (found) {
      const symbol = resolved(found);
      const declaration = symbol.declarations?.[0];
      const ours = declaration && files.has(declaration.getSourceFile().fileName);
      if (ours && !ts.isTypeParameterDeclaration(declaration) && !isPublic.has(symbol)) {
        const users = hidden.get(symbol) ?? [];
        if (!users.includes(user)) users.push(user);
        hidden.set(symbol, users);
      }
    }
    ts.forEachChild(node, (child) => visit(child, user));
  };
  const fileOf = (symbol: TypeScript.Symbol) =>
    relative(root, symbol.declarations![0]!.getSourceFile().fileName).replace(/\.d\.ts$/, ".ts");

  const names = listed.map(({ entry, name, symbol }): PublicName => {
    const all = symbol.declarations ?? [];
    for (const declaration of all) visit(declaration, name);
    return {
      entry,
      name,
      isValue: (symbol.flags & ts.SymbolFlags.Value) !== 0 && !isTypeOnly(program, entry, name),
      file: fileOf(symbol),
      doc: all.map(docOf).find((doc) => doc !== null) ?? null,
      throws: (symbol.flags & ts.SymbolFlags.Value) !== 0 && throwsErrors(fileOf(symbol), symbol.name),
      isOp: checker.getTypeOfSymbol(symbol).aliasSymbol?.name === "Op",
      bareMembers: all.flatMap(bare),
    };
  });
  const lines = [...hidden].map(([symbol, users]) => `${symbol.name} (${fileOf(symbol)}), in ${users.join(", ")}`);
  return { names, hidden: lines.sort() };
}

/** Return true if an entry exports the name by `export type`. */
function isTypeOnly(program: Program, entry: EntryName, name: string): boolean {
  const source = program.getSourceFile(join(root, PUBLIC_ENTRIES[entry]).replace(/\.ts$/, ".d.ts"))!;
  return source.statements.filter(ts.isExportDeclaration).some(({ isTypeOnly: all, exportClause }) => {
    if (!exportClause || !ts.isNamedExports(exportClause)) return false;
    return exportClause.elements.some((element) => element.name.text === name && (all || element.isTypeOnly));
  });
}
