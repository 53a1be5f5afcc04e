// Parses the functions of a shader.
import type { Expression, Parameter, Statement, WgslFunction, WgslModule } from "./wgsl_syntax.ts";
import { integerOf, type Token, tokensOf } from "./wgsl_tokens.ts";

const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!=", "<", ">", "<=", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];
const ASSIGNMENTS = ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="];
/** Names that a template list may follow in an expression. */
const GENERIC = /^(vec[234]|mat[234]x[234]|array|ptr|bitcast|atomic|subgroup_matrix_\w+|subgroupMatrix\w+)$/;

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(text: string) {
    this.tokens = tokensOf(text);
  }

  // ---- Tokens ----

  private get token(): Token {
    return this.tokens[this.at]!;
  }

  private is(...texts: string[]): boolean {
    return this.token.kind !== "end" && texts.includes(this.token.text);
  }

  private take(): Token {
    const { token } = this;
    if (token.kind === "end") throw new SyntaxError("WGSL: expected more, got the end");
    this.at++;
    return token;
  }

  private accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) throw new SyntaxError(`WGSL: expected ${text}, got ${this.token.text}`);
  }

  /** Skip to a sign outside of all brackets. The sign itself is not taken. */
  private skipTo(...ends: string[]): string {
    let depth = 0;
    const parts: string[] = [];
    while (depth > 0 || !this.is(...ends)) {
      const { text } = this.take();
      if ("([{<".includes(text)) depth++;
      if (")]}>".includes(text)) depth--;
      parts.push(text);
    }
    return parts.join(" ");
  }

  private skipTemplate(): string {
    const parts: string[] = [];
    let depth = 0;
    do {
      const { text } = this.take();
      if (text === "<") depth++;
      if (text === ">") depth--;
      parts.push(text);
    } while (depth > 0);
    return parts.slice(1, -1).join(" ");
  }

  // ---- The module ----

  module(): WgslModule {
    const functions = new Map<string, WgslFunction>();
    const constants: { name: string; value: Expression }[] = [];
    const variables = new Map<string, string>();
    const structs = new Map<string, readonly string[]>();
    while (this.token.kind !== "end") {
      this.attributes();
      if (this.accept(";")) continue;
      const { text } = this.take();
      if (text === "fn") {
        const found = this.functionBody();
        functions.set(found.name, found);
      } else if (text === "const" || text === "override") {
        const name = this.take().text;
        this.skipTo("=");
        this.expect("=");
        constants.push({ name, value: this.expression() });
      } else if (text === "var") {
        const space = this.is("<") ? this.skipTemplate().split(" ")[0]! : "private";
        variables.set(this.take().text, space);
        this.skipTo(";");
      } else if (text === "struct") {
        structs.set(this.take().text, this.structFields());
      } else this.skipTo(";");
    }
    return { functions, constants, variables, structs };
  }

  /** Skip attributes and return the name of a builtin among them. */
  private attributes(): string | undefined {
    let builtin: string | undefined;
    while (this.accept("@")) {
      const name = this.take().text;
      if (!this.accept("(")) continue;
      const value = this.skipTo(")");
      this.take();
      if (name === "builtin") builtin = value;
    }
    return builtin;
  }

  private structFields(): string[] {
    const fields: string[] = [];
    this.expect("{");
    while (!this.accept("}")) {
      this.attributes();
      fields.push(this.take().text);
      this.skipTo(",", "}");
      this.accept(",");
    }
    return fields;
  }

  private functionBody(): WgslFunction {
    const name = this.take().text;
    const parameters: Parameter[] = [];
    this.expect("(");
    while (!this.accept(")")) {
      const builtin = this.attributes();
      parameters.push({ name: this.take().text, builtin });
      this.skipTo(",", ")");
      this.accept(",");
    }
    this.skipTo("{");
    return { name, parameters, body: this.block() };
  }

  // ---- Statements ----

  private block(): Statement {
    const body: Statement[] = [];
    this.attributes();
    this.expect("{");
    while (!this.accept("}")) body.push(this.statement());
    return { kind: "block", body };
  }

  private statement(): Statement {
    this.attributes();
    if (this.accept(";")) return { kind: "nothing" };
    if (this.is("{")) return this.block();
    if (this.accept("if")) return this.ifStatement();
    if (this.accept("for")) return this.forStatement();
    if (this.accept("while")) {
      const condition = this.expression();
      return { kind: "loop", start: undefined, condition, step: undefined, body: this.block() };
    }
    if (this.accept("loop"))
      return { kind: "loop", start: undefined, condition: undefined, step: undefined, body: this.block() };
    if (this.accept("continuing")) return this.block();
    if (this.accept("switch")) return this.switchStatement();
    const simple = this.simple();
    this.expect(";");
    return simple;
  }

  /** Parse a statement that ends with a semicolon, without it. */
  private simple(): Statement {
    if (this.accept("return")) return { kind: "return", value: this.is(";") ? undefined : this.expression() };
    if (this.accept("continue")) return { kind: "continue" };
    if (this.accept("break")) {
      if (!this.accept("if")) return { kind: "break" };
      return { kind: "if", condition: this.expression(), whenTrue: { kind: "break" }, otherwise: undefined };
    }
    if (this.is("const_assert")) {
      this.skipTo(";");
      return { kind: "nothing" };
    }
    if (this.is("let", "var", "const")) return this.declaration();
    const target = this.expression();
    if (this.is("++", "--")) {
      const operator = this.take().text === "++" ? "+" : "-";
      return { kind: "assign", target, operator, value: { kind: "number", value: 1 } };
    }
    const operator = this.assignment();
    if (operator === undefined) return { kind: "call", call: target };
    return { kind: "assign", target, operator, value: this.expression() };
  }

  /** Take an assignment sign and return its operator: empty for a plain one. */
  private assignment(): string | undefined {
    if (this.is(">") && this.tokens[this.at + 1]?.text === ">=") {
      this.at += 2;
      return ">>";
    }
    return this.is(...ASSIGNMENTS) ? this.take().text.slice(0, -1) : undefined;
  }

  private declaration(): Statement {
    this.take();
    if (this.is("<")) this.skipTemplate();
    const name = this.take().text;
    const type = this.accept(":") ? this.skipTo("=", ";") : "";
    return { kind: "declare", name, type, value: this.accept("=") ? this.expression() : undefined };
  }

  private ifStatement(): Statement {
    const condition = this.expression();
    const whenTrue = this.block();
    let otherwise: Statement | undefined;
    if (this.accept("else")) otherwise = this.accept("if") ? this.ifStatement() : this.block();
    return { kind: "if", condition, whenTrue, otherwise };
  }

  private forStatement(): Statement {
    this.expect("(");
    const start = this.is(";") ? undefined : this.simple();
    this.expect(";");
    const condition = this.is(";") ? undefined : this.expression();
    this.expect(";");
    const step = this.is(")") ? undefined : this.simple();
    this.expect(")");
    return { kind: "loop", start, condition, step, body: this.block() };
  }

  private switchStatement(): Statement {
    const value = this.expression();
    const cases: { values: Expression[]; body: Statement }[] = [];
    this.expect("{");
    while (!this.accept("}")) {
      const values: Expression[] = [];
      if (!this.accept("default")) {
        this.expect("case");
        do {
          if (this.is(":", "{")) break;
          if (!this.accept("default")) values.push(this.expression());
        } while (this.accept(","));
      }
      this.accept(":");
      cases.push({ values, body: this.block() });
    }
    return { kind: "switch", value, cases };
  }

  // ---- Expressions ----

  private expression(level = 0): Expression {
    if (level === LEVELS.length) return this.unary();
    let left = this.expression(level + 1);
    for (let operator = this.operator(level); operator !== undefined; operator = this.operator(level)) {
      left = { kind: "binary", operator, left, right: this.expression(level + 1) };
    }
    return left;
  }

  /** Take an operator of a level, if one is next. */
  private operator(level: number): string | undefined {
    const next = this.tokens[this.at + 1];
    const shifts = this.is(">") && next?.joined === true && next.text.startsWith(">");
    if (shifts) {
      if (next.text !== ">" || !LEVELS[level]!.includes(">>")) return undefined;
      this.at += 2;
      return ">>";
    }
    return this.is(...LEVELS[level]!) ? this.take().text : undefined;
  }

  private unary(): Expression {
    if (this.is("-", "!", "~", "&", "*")) {
      const operator = this.take().text;
      return { kind: "unary", operator, operand: this.unary() };
    }
    return this.postfix(this.primary());
  }

  private primary(): Expression {
    if (this.accept("(")) {
      const inside = this.expression();
      this.expect(")");
      return inside;
    }
    const { kind, text } = this.take();
    if (kind === "number") return { kind: "number", value: integerOf(text) };
    if (text === "true" || text === "false") return { kind: "boolean", value: text === "true" };
    if (kind !== "name") throw new SyntaxError(`WGSL: expected an expression, got ${text}`);
    const type = GENERIC.test(text) && this.is("<") ? this.skipTemplate() : "";
    if (!this.accept("(")) return { kind: "name", name: text };
    const values: Expression[] = [];
    while (!this.accept(")")) {
      values.push(this.expression());
      this.accept(",");
    }
    return { kind: "call", name: text, type, values };
  }

  private postfix(object: Expression): Expression {
    if (this.accept(".")) return this.postfix({ kind: "member", object, name: this.take().text });
    if (!this.accept("[")) return object;
    const index = this.expression();
    this.expect("]");
    return this.postfix({ kind: "index", object, index });
  }
}

/** Parse a shader. Throws SyntaxError for syntax that it cannot read. */
export const parseWgsl = (text: string): WgslModule => new Parser(text).module();
