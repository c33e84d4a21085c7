import type { ServerResponse } from "node:http";

/** The responses that this process is writing as the server on that port: their `writableLength` is what it holds of them. */
export function listResponses(port: number): ServerResponse[] {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  return handles.flatMap((handle) => {
    const message = (handle as { _httpMessage?: ServerResponse })._httpMessage;
    return message?.getHeader !== undefined && message.req?.socket.localPort === port ? [message] : [];
  });
}
