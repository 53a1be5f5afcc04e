// Syntax trees of WGSL functions, as far as the bank model follows them.

export type Expression =
  | { readonly kind: "number"; readonly value: number | undefined } // undefined: not an integer
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: Expression }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "call"; readonly name: string; readonly type: string; readonly values: readonly Expression[] }
  | { readonly kind: "member"; readonly object: Expression; readonly name: string }
  | { readonly kind: "index"; readonly object: Expression; readonly index: Expression };

export type Statement =
  | { readonly kind: "block"; readonly body: readonly Statement[] }
  | { readonly kind: "declare"; readonly name: string; readonly type: string; readonly value: Expression | undefined }
  | { readonly kind: "assign"; readonly target: Expression; readonly operator: string; readonly value: Expression }
  | { readonly kind: "call"; readonly call: Expression }
  | {
      readonly kind: "if";
      readonly condition: Expression;
      readonly whenTrue: Statement;
      readonly otherwise: Statement | undefined;
    }
  | {
      readonly kind: "loop";
      readonly start: Statement | undefined;
      readonly condition: Expression | undefined;
      readonly step: Statement | undefined;
      readonly body: Statement;
    }
  | { readonly kind: "switch"; readonly value: Expression; readonly cases: readonly SwitchCase[] }
  | { readonly kind: "return"; readonly value: Expression | undefined }
  | { readonly kind: "break" | "continue" | "nothing" };

interface SwitchCase {
  /** Empty for the default. */
  readonly values: readonly Expression[];
  readonly body: Statement;
}

export interface Parameter {
  readonly name: string;
  /** Name of `@builtin(...)`, if any. */
  readonly builtin: string | undefined;
}

export interface WgslFunction {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: Statement;
}

/** Functions and module-scope values of a shader. */
export interface WgslModule {
  readonly functions: ReadonlyMap<string, WgslFunction>;
  readonly constants: readonly { readonly name: string; readonly value: Expression }[];
  /** Fields of structs, in order. */
  readonly structs: ReadonlyMap<string, readonly string[]>;
  /** Variables with their address spaces: `workgroup`, `storage`, `uniform`, `private`. */
  readonly variables: ReadonlyMap<string, string>;
}
