// The JSON Schema of recipe files, by which editors complete and check them.
import { z } from "zod";
import { modelRegistry } from "../internal.ts";
import { recipeFields } from "./schema.ts";

/** Name of the file that holds the schema, beside the recipes and in the folder of a run. */
export const SCHEMA_FILE = "recipe.schema.json";

/** First line of a recipe file: names the schema, relative to the file. */
export const schemaLine = (file: string = SCHEMA_FILE): string => ` yaml-language-server: $schema=${file}`;

interface Node {
  properties?: Record<string, Node>;
  required?: string[];
  enum?: readonly string[];
  [key: string]: unknown;
}

/** Return the JSON Schema (draft 2020-12) of a recipe file: every key is optional, since it has a default. */
export function recipeJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(recipeFields, {
    override: ({ jsonSchema }) => {
      delete jsonSchema.required;
      // YAML reads the name `true` as a boolean.
      if (!jsonSchema.enum?.includes("true") || jsonSchema.enum.includes(true)) return;
      delete jsonSchema.type;
      jsonSchema.enum = [...jsonSchema.enum, true];
    },
  }) as Node;
  const { $schema, properties = {}, ...rest } = schema;
  const { model, data, ...others } = properties;
  const named = (section: Node | undefined, name: Node) => ({ anyOf: [name, section] });
  const network = { type: "string", enum: Object.keys(modelRegistry) };
  Object.assign(model?.properties?.["name"] ?? {}, network);
  return {
    $schema,
    title: "Espalier recipe",
    description: "Settings of a training run. Missing keys have defaults.",
    ...rest,
    properties: {
      extends: { type: "string", description: "recipe file below this one, relative to its folder" },
      // A text in place of the section is its name.
      model: named(model, network),
      data: named(data, { type: "string", enum: data?.properties?.["name"]?.enum ?? [] }),
      ...others,
    },
  };
}

/** Return the text of the schema file. */
export const schemaText = (): string => `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`;
