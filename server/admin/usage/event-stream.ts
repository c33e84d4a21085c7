import type { Response } from "express";
import type { StoredEvent } from "../../../db/queries/usage-event-row.ts";
import type { UsageFilter } from "../../../db/queries/usage-filter.ts";
import { AppError } from "../../core/error.ts";
import { type StreamEventsInput, streamEventsInput } from "../../core/event-schema.ts";
import type { StreamLife, StreamRoute } from "../stream-route.ts";
import { findEventTail } from "./event-tail.ts";
import { makeEventFilter, makeEventView } from "./event-view.ts";
import { isEventWithin } from "./is-event-within.ts";
import { limitToOwner } from "./limit-to-owner.ts";

/** Streams of this process at once. */
const streamsMax = 50;
/** What a reader has not taken of it is not added to. */
const bufferedBytesMax = 256 * 1024;
/** Looks without news between two signs of life; the credential is judged then, too. */
const quietLooksMax = 15;
let open = 0;

/**
 * `GET /admin/events/stream`: an event stream of calls as the ledger commits them, about a second later. Events of the type
 * `event` hold one as `GET /admin/events` shows it; `skipped` says how many were not told, as the stream is bounded. The
 * credential is judged again before anything is told.
 */
export const streamEvents: StreamRoute<StreamEventsInput> = {
  path: "/events/stream",
  operationId: "streamEvents",
  summary: "Single calls as they come, as server-sent events",
  tags: ["Usage"],
  mediaType: "text/event-stream",
  permission: "admin:usage",
  member: true,
  input: streamEventsInput,
  handle: (ctx, given, res, life) => {
    const filter = makeEventFilter(limitToOwner(ctx.caller, given));
    if (open >= streamsMax) {
      throw new AppError("overloaded", "Too many watch already.", { retryAfterSeconds: 5 });
    }
    open++;
    res.setHeader("content-type", "text/event-stream; charset=utf-8");
    // Proxies that hold answers back would hold a stream back for ever.
    res.setHeader("x-accel-buffering", "no");
    res.flushHeaders();
    res.write("retry: 2000\n\n");
    return new Promise<void>((resolve) => {
      const reader = new Reader(res, filter, life);
      const close = findEventTail(ctx.database).open((news) => reader.take(news), ctx.logger);
      res.on("close", () => {
        close();
        open--;
        resolve();
      });
    });
  },
};

class Reader {
  readonly #res: Response;
  readonly #filter: UsageFilter;
  readonly #life: StreamLife;
  #events: StoredEvent[] = [];
  #skipped = 0;
  #quietLooks = 0;
  #isBusy = false;
  #hasBegun = false;

  constructor(res: Response, filter: UsageFilter, life: StreamLife) {
    this.#res = res;
    this.#filter = filter;
    this.#life = life;
  }

  take({ events, left }: { events: readonly StoredEvent[]; left: number }): void {
    if (this.#life.isDraining()) return void this.#res.end();
    // What is committed from now on is told.
    if (!this.#hasBegun) this.#res.write(": watching\n\n");
    this.#hasBegun = true;
    const own = events.filter((event) => isEventWithin(event, this.#filter));
    this.#skipped += left;
    if (this.#isBusy || this.#res.writableLength > bufferedBytesMax) {
      this.#skipped += own.length;
      return;
    }
    this.#events = own;
    this.#quietLooks = own.length > 0 ? 0 : this.#quietLooks + 1;
    if (own.length > 0 || this.#quietLooks >= quietLooksMax) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#isBusy = true;
    try {
      if (!(await this.#life.isAllowed())) return void this.#res.end();
      this.#quietLooks = 0;
      const text = this.#events
        .map((event) => `id: ${event.id}\nevent: event\ndata: ${JSON.stringify(makeEventView(event))}\n\n`)
        .join("");
      const skipped = this.#skipped === 0 ? "" : `event: skipped\ndata: {"count":${this.#skipped}}\n\n`;
      this.#skipped = 0;
      this.#res.write(text === "" && skipped === "" ? ": nothing new\n\n" : skipped + text);
    } catch {
      // The credential cannot be judged now. The reader comes again, and is told why not then.
      this.#res.end();
    } finally {
      this.#isBusy = false;
    }
  }
}
