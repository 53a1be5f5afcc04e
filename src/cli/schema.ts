// `espalier schema`: the JSON Schema of recipes.
import type { Command } from "commander";
import { schemaLine, schemaText } from "../recipe/json_schema.ts";
import { writeText } from "../terminal/terminal.ts";
import type { Done } from "./options.ts";

/** Add the options and the action of `schema`. */
export function addSchemaCommand(command: Command, done: Done): void {
  command
    .description(
      `Prints the JSON Schema (draft 2020-12) of recipe files. An editor with a YAML language server completes and checks a recipe that begins with the line\n  #${schemaLine()}`,
    )
    .addHelpText("after", "\nExample\n  $ espalier schema > recipe.schema.json")
    .action(() => {
      writeText(process.stdout, schemaText());
      done(0);
    });
}
