// Where a command's words go: readable lines on stderr and stdout, or one JSON object a line on stdout with --json.

export interface Output {
  readonly json: boolean;
  /** A line for people; silent with --json. */
  say(line: string): void;
  /** A record for programs; silent without --json. */
  emit(record: Record<string, unknown>): void;
}

export function makeOutput(json: boolean): Output {
  return {
    json,
    say: (line) => {
      if (!json) process.stdout.write(`${line}\n`);
    },
    emit: (record) => {
      if (json) process.stdout.write(`${JSON.stringify(record)}\n`);
    },
  };
}
