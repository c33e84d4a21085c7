import { formatSseEvent } from "../../../providers/sse-format.ts";
import type { ErrorShape } from "../error-shape.ts";
import { openAiErrors } from "../openai-errors.ts";

/** OpenAI's errors; in a stream an event of its own, which has the error twice: as documented, and as clients look for it. */
export const responsesErrors: ErrorShape = {
  ...openAiErrors,
  formatEvent(body) {
    const { error } = body as { error: object };
    return formatSseEvent("error", JSON.stringify({ ...error, type: "error", error }));
  },
};
