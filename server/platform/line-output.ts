import { write, writeSync } from "node:fs";
import { TextBuffer } from "../core/text-buffer.ts";

/** Where finished log lines go. */
export interface LineOutput {
  /** `line` ends with a line end. */
  write(line: string): void;
  /** Writes out what is held, at once; for the end of the process. */
  flush(): void;
}

const writtenAtBytes = 64 * 1024;
const heldMs = 100;
/** A reader that has stopped must not cost memory: past this, lines are dropped. */
const heldBytesMax = 16 * 1024 * 1024;

/**
 * Writes lines to a file descriptor in large pieces, at most {@link heldMs} late, one piece at a time, off the event loop.
 * One write per request would cost as much as the journal.
 */
export function openLineOutput(fd: number): LineOutput {
  let filling = new TextBuffer(2 * writtenAtBytes);
  let resting = new TextBuffer(2 * writtenAtBytes);
  let isWriting = false;
  let isBroken = false;
  let timer: NodeJS.Timeout | null = null;

  const start = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (isWriting || filling.length === 0) return;
    isWriting = true;
    const full = filling;
    filling = resting;
    resting = full;
    send(full.take());
  };
  const send = (bytes: Buffer): void => {
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      // A full pipe says EAGAIN: the reader is slow. Anything else means that nobody reads any more.
      if (error !== null && error.code !== "EAGAIN") isBroken = true;
      else if (written < bytes.length) {
        setTimeout(() => send(bytes.subarray(written ?? 0)), error === null ? 0 : 20);
        return;
      }
      isWriting = false;
      if (filling.length >= writtenAtBytes) start();
    });
  };
  return {
    write(line) {
      if (isBroken || filling.length > heldBytesMax) return;
      filling.append(line);
      if (filling.length >= writtenAtBytes) start();
      else timer ??= setTimeout(start, heldMs).unref();
    },
    flush() {
      const bytes = filling.take();
      try {
        for (let offset = 0; offset < bytes.length; ) offset += writeSync(fd, bytes, offset);
      } catch {
        // Nobody reads any more (a closed pipe); there is no other place to tell it.
      }
    },
  };
}
