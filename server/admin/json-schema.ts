import { z } from "zod";

/** A schema of JSON Schema 2020-12, which is also what OpenAPI 3.1 speaks. */
export type JsonSchema = z.core.JSONSchema.JSONSchema;

/**
 * The JSON Schema of a zod schema. What zod cannot say there (a refinement, a transform) is left open, so the schema may
 * allow more than the code does, never less. A schema whose text form says more than its type carries it itself, as
 * `.meta({ wire: { … } })`.
 *
 * @param io `input` is what a caller sends, `output` what an answer holds.
 */
export function makeJsonSchema(schema: z.core.$ZodType, io: "input" | "output"): JsonSchema {
  const { $schema: _dialect, ...made } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const { wire, description } = jsonSchema;
      if (typeof wire === "object" && wire !== null) {
        for (const name of Object.keys(jsonSchema)) delete jsonSchema[name];
        Object.assign(jsonSchema, wire, description === undefined ? {} : { description });
      }
      // zod leaves the default of a schema that transforms out: it need not be what a caller would write.
      const { def } = zodSchema._zod;
      if (def.type !== "default" || typeof def.defaultValue !== "number") return;
      if (jsonSchema.type === "integer") jsonSchema.default = def.defaultValue;
    },
  });
  return made;
}
