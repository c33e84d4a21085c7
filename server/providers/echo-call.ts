import type { Clock } from "../platform/clock.ts";
import type { EchoFrame } from "./echo-frames.ts";
import type { UpstreamCall, UpstreamSink } from "./types.ts";

/** An answer that is ready to be played to a sink. */
export interface EchoPlay {
  status: number;
  contentType: string;
  /** Before the head. */
  delayMs: number;
  /** 0: as fast as the sink takes it. */
  tokensPerSecond: number;
  frames: Iterator<EchoFrame>;
}

/** So much is handed over at once; then other work gets its turn of the event loop. */
const sliceLength = 16 * 1024;

/** Plays one answer: head, frames when they are due, end; nothing while paused, nothing after `abort`. */
export class EchoCall implements UpstreamCall {
  private readonly play: EchoPlay;
  private readonly sink: UpstreamSink;
  private readonly clock: Clock;
  private readonly onEnded: (call: EchoCall) => void;
  private readonly headAtMs: number;
  private next: EchoFrame | null = null;
  private phase: "waiting" | "playing" | "ended" = "waiting";
  private paused = false;
  private timer: NodeJS.Timeout | null = null;
  private immediate: NodeJS.Immediate | null = null;

  /** `onEnded` is called once, however the call ends. Nothing reaches the sink before the constructor has returned. */
  constructor(play: EchoPlay, sink: UpstreamSink, clock: Clock, onEnded: (call: EchoCall) => void) {
    this.play = play;
    this.sink = sink;
    this.clock = clock;
    this.onEnded = onEnded;
    this.headAtMs = clock.monotonicMs() + play.delayMs;
    this.schedule(this.headAtMs);
  }

  pause(): void {
    this.paused = true;
    this.unschedule();
  }

  /** What became due in the meantime comes at once, as from an upstream that went on. */
  resume(): void {
    if (!this.paused || this.phase === "ended") return;
    this.paused = false;
    this.schedule(this.phase === "waiting" || this.next === null ? this.headAtMs : this.findDueMs(this.next));
  }

  abort(): void {
    if (this.phase !== "ended") this.end();
  }

  /** Ends the call and tells the sink. */
  fail(message: string): void {
    if (this.phase === "ended") return;
    this.end();
    this.sink.onFailure({ kind: "aborted", message });
  }

  private readonly step = (): void => {
    this.unschedule();
    if (this.phase === "waiting") {
      this.phase = "playing";
      this.sink.onHead(this.play.status, { "content-type": this.play.contentType });
      if (!this.mayGoOn()) return;
    }
    const slice = this.takeSlice();
    if (slice !== "") this.sink.onData(Buffer.from(slice));
    if (!this.mayGoOn()) return;
    if (this.next !== null) {
      this.schedule(this.findDueMs(this.next));
      return;
    }
    this.end();
    this.sink.onEnd();
  };

  /** All frames that are due, up to one slice. Afterwards `next` is the first that was not taken, `null` at the end. */
  private takeSlice(): string {
    const nowMs = this.clock.monotonicMs();
    let slice = "";
    for (;;) {
      if (this.next === null) {
        const step = this.play.frames.next();
        if (step.done === true) return slice;
        this.next = step.value;
      }
      if (slice.length >= sliceLength || this.findDueMs(this.next) > nowMs) return slice;
      slice += this.next.text;
      this.next = null;
    }
  }

  private findDueMs(frame: EchoFrame): number {
    const { tokensPerSecond } = this.play;
    return tokensPerSecond === 0 ? this.headAtMs : this.headAtMs + (frame.tokensSoFar * 1_000) / tokensPerSecond;
  }

  private mayGoOn(): boolean {
    return this.phase !== "ended" && !this.paused;
  }

  private schedule(atMs: number): void {
    this.unschedule();
    if (this.paused) return;
    const afterMs = atMs - this.clock.monotonicMs();
    if (afterMs > 0) this.timer = setTimeout(this.step, Math.ceil(afterMs));
    else this.immediate = setImmediate(this.step);
  }

  private unschedule(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.immediate !== null) clearImmediate(this.immediate);
    this.timer = null;
    this.immediate = null;
  }

  private end(): void {
    this.phase = "ended";
    this.unschedule();
    this.onEnded(this);
  }
}
