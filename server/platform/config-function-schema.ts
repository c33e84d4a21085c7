import { z } from "zod";

/** Of functions and of their variants. */
export const functionName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, "1 to 64 characters of A-Z, a-z, 0-9, `_`, `.` and `-`");

export const variantSchema = z.strictObject({
  type: z.literal("chat_completion").optional(),
  model: z.string(),
  weight: z.number().min(0).max(1_000_000).optional(),
  system_text: z.string().max(100_000).optional(),
  temperature: z.number().min(0).max(10).optional(),
  top_p: z.number().min(0).max(1).optional(),
  max_tokens: z.int().min(1).max(100_000_000).optional(),
  presence_penalty: z.number().min(-10).max(10).optional(),
  frequency_penalty: z.number().min(-10).max(10).optional(),
  seed: z.int().optional(),
  stop_sequences: z.array(z.string()).optional(),
  reasoning_effort: z.string().max(40).optional(),
  service_tier: z.string().max(40).optional(),
  verbosity: z.string().max(40).optional(),
});

export const functionSchema = z.strictObject({
  type: z.enum(["chat", "json"]),
  output_schema: z.record(z.string(), z.unknown()).optional(),
  variants: z.record(functionName, variantSchema),
});
