import { listUsageEvents } from "../../../db/queries/list-usage-events.ts";
import { eventList, listEventsInput, makeEventCursor } from "../../core/event-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { makeEventFilter, makeEventView } from "./event-view.ts";
import { limitToOwner } from "./limit-to-owner.ts";

export const listEvents = makeProcedure("admin:usage", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/events",
      operationId: "listEvents",
      summary: "Single calls, newest first, as long as they are kept",
      tags: ["Usage"],
      refusals: [404],
    },
  })
  .input(listEventsInput)
  .output(eventList)
  .query(async ({ ctx, input }) => {
    const { limit, cursor, from, to, ...filter } = limitToOwner(ctx.caller, input);
    const events = await listUsageEvents(ctx.database.sql, makeEventFilter(filter), {
      from: from ?? null,
      to: to ?? null,
      before: cursor ?? null,
      limit: limit + 1,
    });
    const page = events.slice(0, limit);
    const last = page.at(-1);
    return {
      events: page.map(makeEventView),
      next_cursor: events.length > limit && last !== undefined ? makeEventCursor(last) : null,
    };
  });
