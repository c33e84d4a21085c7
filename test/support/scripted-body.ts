import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { ScriptedBehaviour } from "./scripted-behaviour.ts";

/** How the sending of a body ended. */
export type BodyEnd = "served" | "dropped" | "stalled" | "left";

/** Writes a body the way the behaviour says: dropped, reset, stalled or dribbled at a byte. */
export interface ScriptedBody {
  /** `true` while the client is there and nothing has cut the body. Honours backpressure. */
  write(bytes: Buffer): Promise<boolean>;
  end(): Promise<BodyEnd>;
}

/** `sent` is told the size of each piece once it has left for the kernel. */
export function openScriptedBody(
  response: ServerResponse,
  behaviour: ScriptedBehaviour,
  sent: (bytes: number) => void,
): ScriptedBody {
  let bytesOut = 0;
  let ended: BodyEnd | null = null;
  const { dropAtByte, resetAtByte, stallAtByte, bytesPerSecond } = behaviour;
  const cutAt = dropAtByte ?? resetAtByte ?? stallAtByte;

  // Resolves when the bytes have left for the kernel or the connection is gone.
  const send = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      if (response.destroyed) {
        resolve();
        return;
      }
      response.once("close", resolve);
      response.write(bytes, (error) => {
        if (error === null || error === undefined) {
          bytesOut += bytes.length;
          sent(bytes.length);
        }
        response.off("close", resolve);
        resolve();
      });
    });

  const cut = async (): Promise<void> => {
    if (stallAtByte !== null) {
      ended = "stalled";
      if (!response.destroyed) await new Promise((resolve) => response.once("close", resolve));
      return;
    }
    ended = "dropped";
    // `resetAndDestroy` alone sends a FIN first and waits for what is still to be written.
    if (resetAtByte !== null) response.socket?.resetAndDestroy();
    response.socket?.destroy();
  };

  const put = async (bytes: Buffer): Promise<boolean> => {
    const left = cutAt === null ? Number.POSITIVE_INFINITY : cutAt - bytesOut;
    if (bytes.length >= left) {
      if (left > 0) await send(bytes.subarray(0, left));
      await cut();
      return false;
    }
    await send(bytes);
    if (response.destroyed) ended = "left";
    return ended === null;
  };

  return {
    async write(bytes) {
      if (ended !== null) return false;
      if (bytesPerSecond === 0) return put(bytes);
      for (const byte of bytes) {
        if (!(await put(Buffer.of(byte)))) return false;
        await wait(1_000 / bytesPerSecond);
      }
      return true;
    },
    async end() {
      if (ended !== null) return ended;
      if (response.destroyed) return "left";
      await new Promise<void>((resolve) => {
        response.once("close", resolve);
        response.end(resolve);
      });
      return response.writableFinished ? "served" : "left";
    },
  };
}
