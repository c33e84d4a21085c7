/** A call in the way of one client, ready to be run. */
export interface Snippet {
  id: string;
  label: string;
  code: string;
}

export const keyVariable = "TOLLGATE_API_KEY";
export const demoModel = "echo::hello";

/**
 * Snippets for this gateway.
 *
 * @param key the key's text; `null`: taken from the environment, as a program should.
 */
export function makeSnippets(origin: string, key: string | null, model: string): Snippet[] {
  const python = key === null ? `os.environ["${keyVariable}"]` : `"${key}"`;
  const node = key === null ? `process.env.${keyVariable}` : `"${key}"`;
  const shell = key ?? `$${keyVariable}`;
  return [
    {
      id: "curl",
      label: "curl",
      code: `curl ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer ${shell}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'`,
    },
    {
      id: "python",
      label: "Python",
      code: `# pip install openai
${key === null ? "import os\n" : ""}from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=${python})
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)`,
    },
    {
      id: "node",
      label: "Node",
      code: `// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: ${node} });
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.choices[0].message.content);`,
    },
  ];
}
