import type { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";

/** The tools of a chat completion, from those that a TensorZero request brings along. */
export function makeToolFields(json: Json, faults: Faults): Record<string, unknown> {
  const { additional_tools: more, allowed_tools: allowed, tool_choice: choice, parallel_tool_calls: parallel } = json;
  const fields: Record<string, unknown> = {};
  if (!isAbsent(more)) {
    let tools = Array.isArray(more) ? (more as unknown[]) : [];
    if (!Array.isArray(more)) faults.add("additional_tools", "must be a list.");
    if (Array.isArray(allowed)) tools = tools.filter((tool) => isJson(tool) && allowed.includes(tool.name));
    if (tools.length > 0)
      fields.tools = tools.map((tool, index) => makeTool(tool, `additional_tools.${index}`, faults));
  }
  if (!isAbsent(allowed) && !Array.isArray(allowed)) faults.add("allowed_tools", "must be a list of names.");
  if (!isAbsent(parallel)) fields.parallel_tool_calls = parallel;
  if (!isAbsent(choice)) fields.tool_choice = makeChoice(choice, faults);
  return fields;
}

function makeTool(tool: unknown, path: string, faults: Faults): object {
  const fields = isJson(tool) ? tool : {};
  const { type, name, description, parameters, strict } = fields;
  if (!isAbsent(type) && type !== "function" && type !== "client_side_function")
    faults.add(`${path}.type`, "must be `function`.");
  if (typeof name !== "string") faults.add(`${path}.name`, "must be a text.");
  return {
    type: "function",
    function: {
      name,
      ...(typeof description === "string" ? { description } : {}),
      parameters: parameters ?? {},
      ...(typeof strict === "boolean" ? { strict } : {}),
    },
  };
}

function makeChoice(choice: unknown, faults: Faults): unknown {
  if (choice === "auto" || choice === "none" || choice === "required") return choice;
  if (isJson(choice) && typeof choice.specific === "string") {
    return { type: "function", function: { name: choice.specific } };
  }
  faults.add("tool_choice", 'must be "auto", "none", "required" or {"specific": NAME}.');
  return undefined;
}
