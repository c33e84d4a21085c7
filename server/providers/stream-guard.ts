import { AwsEventFrames, frameOverflow } from "./aws-event-frames.ts";
import { SseEvents, sseOverflow } from "./sse-events.ts";

/** Lets whole events of a stream through, so that nobody behind it has to hold one without an end. */
export interface StreamGuard {
  /** What became whole; `null`: an event is over the limit. */
  push(chunk: Buffer): Buffer | null;
  /** What is left at the end of the stream, if anything. */
  end(): Buffer | null;
}

const eventBytesMax = 8 * 1024 * 1024;

/** Opens the guard for a type of content; `null`: it is no stream of events. */
export function openStreamGuard(contentType: string): StreamGuard | null {
  if (contentType.startsWith("text/event-stream")) {
    const events = new SseEvents({ eventBytesMax });
    const pass = (bytes: Buffer | typeof sseOverflow | null): Buffer | null => (bytes === sseOverflow ? null : bytes);
    return { push: (chunk) => pass(events.push(chunk)), end: () => pass(events.end()) };
  }
  if (contentType.startsWith("application/vnd.amazon.eventstream")) {
    const frames = new AwsEventFrames(eventBytesMax);
    return {
      push: (chunk) => {
        const whole = frames.push(chunk);
        return whole === frameOverflow ? null : Buffer.concat(whole);
      },
      // The reader behind it finds out by what is missing.
      end: () => null,
    };
  }
  return null;
}
