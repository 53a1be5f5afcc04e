// Runs a shader's entry point for one invocation, as far as integers are known, and records its accesses to workgroup memory.
import { type SharedAccess, SharedPlace, UNKNOWN, Variable } from "./wgsl_places.ts";
import type { Expression, Statement, WgslFunction, WgslModule } from "./wgsl_syntax.ts";
import { binary, builtin, Composite, componentsOf, isVector, type Place, unary, type Value } from "./wgsl_values.ts";

/** An access with the number of its place in the text, which is the same for all invocations. */
export interface RunAccess extends SharedAccess {
  readonly site: Expression;
  readonly inLoop: boolean;
}

export interface RunOptions {
  /** Values of the entry point's builtins. */
  readonly builtins: Readonly<Record<string, Value>>;
  /** Truth of conditions that depend on unknown values. */
  readonly assume: boolean;
  readonly record: (access: RunAccess) => void;
}

type Signal = "next" | "break" | "continue" | "return";

const MOST_TURNS = 1024;
/** Turns of a loop with unknown bounds: the first one may only fill a buffer. */
const UNKNOWN_TURNS = 3;
const MOST_STEPS = 400_000;

/** Return true if a statement only leaves a loop or a function. */
function leaves(statement: Statement): boolean {
  if (statement.kind === "block") return statement.body.length > 0 && leaves(statement.body.at(-1)!);
  return statement.kind === "return" || statement.kind === "break" || statement.kind === "continue";
}

class Run {
  private readonly module: WgslModule;
  private readonly options: RunOptions;
  private scopes: Map<string, Value>[] = [];
  private readonly globals = new Map<string, Value>();
  private returned: Value;
  private loops = 0;
  private steps = 0;

  constructor(module: WgslModule, options: RunOptions) {
    this.module = module;
    this.options = options;
  }

  start(main: WgslFunction): void {
    const values = main.parameters.map(({ builtin: name }) => this.options.builtins[name ?? ""]);
    this.call(main, values);
  }

  private call({ parameters, body }: WgslFunction, values: readonly Value[]): Value {
    const { scopes } = this;
    this.scopes = [new Map(parameters.map(({ name }, i) => [name, values[i]]))];
    this.returned = undefined;
    this.execute(body);
    this.scopes = scopes;
    return this.returned;
  }

  // ---- Statements ----

  private execute(statement: Statement): Signal {
    if (++this.steps > MOST_STEPS) return "return";
    switch (statement.kind) {
      case "block":
        return this.inScope(() => this.sequence(statement.body));
      case "declare":
        this.scopes.at(-1)!.set(statement.name, this.initial(statement.type, statement.value));
        return "next";
      case "assign":
        this.assign(statement);
        return "next";
      case "call":
        this.evaluate(statement.call);
        return "next";
      case "if":
        return this.branch(statement);
      case "loop":
        return this.inScope(() => this.loop(statement));
      case "switch":
        return this.choose(statement);
      case "return":
        this.returned = statement.value && this.evaluate(statement.value);
        return "return";
      case "nothing":
        return "next";
      default:
        return statement.kind;
    }
  }

  private inScope(work: () => Signal): Signal {
    this.scopes.push(new Map());
    const signal = work();
    this.scopes.pop();
    return signal;
  }

  private sequence(body: readonly Statement[]): Signal {
    for (const statement of body) {
      const signal = this.execute(statement);
      if (signal !== "next") return signal;
    }
    return "next";
  }

  /** Return the first value of a variable: its initialiser's, or zero. */
  private initial(type: string, value: Expression | undefined): Value {
    if (value) {
      const found = this.evaluate(value);
      return found instanceof Composite ? found.copy() : found;
    }
    if (type.startsWith("array") || this.module.structs.has(type)) return new Composite();
    const width = Number(/^vec([234])/.exec(type)?.[1] ?? 0);
    const zero = /f(16|32)|h\b|f\b/.test(type) ? undefined : 0;
    return width > 0 ? Array.from({ length: width }, () => zero) : zero;
  }

  private assign({ target, operator, value }: Extract<Statement, { kind: "assign" }>): void {
    const right = this.evaluate(value);
    if (target.kind === "name" && target.name === "_") return;
    const place = this.placeOf(target);
    place?.write(operator === "" ? right : binary(operator, place.read(), right));
  }

  private branch({ condition, whenTrue, otherwise }: Extract<Statement, { kind: "if" }>): Signal {
    const known = this.evaluate(condition);
    // An unknown condition does not end the run.
    const truth = typeof known === "boolean" ? known : this.options.assume && !leaves(whenTrue);
    if (truth) return this.execute(whenTrue);
    return otherwise ? this.execute(otherwise) : "next";
  }

  /** Run a loop. One with unknown bounds has a few turns. */
  private loop({ start, condition, step, body }: Extract<Statement, { kind: "loop" }>): Signal {
    if (start) this.execute(start);
    this.loops++;
    let signal: Signal = "next";
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const known = condition ? this.evaluate(condition) : undefined;
      if (known === false || (known === undefined && turn >= UNKNOWN_TURNS)) break;
      signal = this.execute(body);
      if (signal === "break" || signal === "return") break;
      if (step) this.execute(step);
    }
    this.loops--;
    return signal === "return" ? signal : "next";
  }

  private choose({ value, cases }: Extract<Statement, { kind: "switch" }>): Signal {
    const known = this.evaluate(value);
    const matching = cases.find(({ values }) => values.some((v) => this.evaluate(v) === known));
    const chosen = matching ?? cases.find(({ values }) => values.length === 0);
    const signal = chosen ? this.execute(chosen.body) : "next";
    return signal === "break" ? "next" : signal;
  }

  // ---- Expressions ----

  private evaluate(expression: Expression): Value {
    this.steps++;
    switch (expression.kind) {
      case "number":
      case "boolean":
        return expression.value;
      case "unary":
        return this.unary(expression);
      case "binary":
        return binary(expression.operator, this.evaluate(expression.left), this.evaluate(expression.right));
      case "call":
        return this.callNamed(expression);
      case "name":
        return this.constant(expression.name) ?? this.placeOf(expression)?.read();
      case "member":
        return this.member(expression);
      default: {
        const place = this.placeOf(expression);
        if (place) return place.read();
        const [object, index] = [this.evaluate(expression.object), this.evaluate(expression.index)];
        return isVector(object) && typeof index === "number" ? object[index] : undefined;
      }
    }
  }

  private unary({ operator, operand }: Extract<Expression, { kind: "unary" }>): Value {
    if (operator === "&") return { to: this.placeOf(operand) ?? UNKNOWN };
    if (operator === "*") return this.pointedTo(operand).read();
    return unary(operator, this.evaluate(operand));
  }

  private pointedTo(pointer: Expression): Place {
    const value = this.evaluate(pointer);
    return value !== undefined && typeof value === "object" && "to" in value ? value.to : UNKNOWN;
  }

  private member({ object, name }: Extract<Expression, { kind: "member" }>): Value {
    const components = componentsOf(name);
    const place = this.placeOf(object);
    if (place && (components === null || components.length === 1)) return place.part(name).read();
    const value = place ? place.read() : this.evaluate(object);
    if (value instanceof Composite) return value.parts.get(name);
    if (!components || !isVector(value)) return undefined;
    return components.length === 1 ? value[components[0]!] : components.map((c) => value[c]);
  }

  private callNamed({ name, values }: Extract<Expression, { kind: "call" }>): Value {
    const given = values.map((value) => this.evaluate(value));
    const own = this.module.functions.get(name);
    if (own) return this.call(own, given);
    const fields = this.module.structs.get(name);
    if (fields) {
      const made = new Composite();
      for (const [i, field] of fields.entries()) made.parts.set(field, given[i]);
      return made;
    }
    if (name === "array") {
      const made = new Composite();
      for (const [i, value] of given.entries()) made.parts.set(i, value);
      return made;
    }
    const first = given[0];
    if (first !== undefined && typeof first === "object" && "to" in first) {
      if (/^(atomicLoad|workgroupUniformLoad)$/.test(name)) return first.to.read();
      if (name.startsWith("atomic")) first.to.write(undefined);
      // The accesses of subgroup matrices depend on the adapter.
      return undefined;
    }
    return builtin(name, given, this.options.assume);
  }

  /** Return the value of a constant of the module, unless a variable hides it. */
  private constant(name: string): Value {
    if (this.scopes.some((scope) => scope.has(name))) return undefined;
    if (this.globals.has(name)) return this.globals.get(name);
    const found = this.module.constants.find((constant) => constant.name === name);
    if (!found) return undefined;
    const value = this.evaluate(found.value);
    this.globals.set(name, value);
    return value;
  }

  /** Return the place of an expression; undefined if it is a value. */
  private placeOf(expression: Expression): Place | undefined {
    switch (expression.kind) {
      case "name":
        return this.variable(expression.name, expression);
      case "unary":
        return expression.operator === "*" ? this.pointedTo(expression.operand) : undefined;
      case "index":
        return this.indexed(expression);
      case "member":
        return this.placeOf(expression.object)?.part(expression.name);
      default:
        return undefined;
    }
  }

  private indexed(expression: Extract<Expression, { kind: "index" }>): Place | undefined {
    const whole = this.placeOf(expression.object);
    if (!whole) return undefined;
    const place = whole instanceof Variable ? this.throughPointer(whole) : whole;
    return place.part(this.evaluate(expression.index));
  }

  /** Return the place that a variable points to, or the variable. */
  private throughPointer(variable: Variable): Place {
    const value = variable.read();
    return value !== undefined && typeof value === "object" && "to" in value ? value.to : variable;
  }

  private variable(name: string, site: Expression): Place | undefined {
    const scope = this.scopes.findLast((s) => s.has(name));
    if (scope) return new Variable(scope, name);
    const space = this.module.variables.get(name);
    if (space === "private") return new Variable(this.globals, name);
    if (space !== "workgroup") return space === undefined ? undefined : UNKNOWN;
    const record = (access: SharedAccess) => this.options.record({ ...access, site, inLoop: this.loops > 0 });
    // A variable that is no array has one element.
    return new SharedPlace(name, record, 0);
  }
}

/** Run the entry point `main` for one invocation. */
export function runWgsl(module: WgslModule, options: RunOptions): void {
  const main = module.functions.get("main");
  if (main) new Run(module, options).start(main);
}
