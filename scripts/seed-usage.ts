/**
 * Fills a database of Tollgate with made-up usage: `npx tsx scripts/seed-usage.ts --database-url URL`. The same options make
 * the same events; what is there already is left alone.
 */
import { parseArgs } from "node:util";
import { openDatabase } from "../db/client.ts";
import { insertSeedEvents } from "./seed/insert-seed-events.ts";
import { makeSeedEvents } from "./seed/make-seed-events.ts";

const { values } = parseArgs({
  options: {
    "database-url": { type: "string" },
    seed: { type: "string", default: "1" },
    events: { type: "string", default: "1000000" },
    keys: { type: "string", default: "500" },
    models: { type: "string", default: "10" },
    days: { type: "string", default: "30" },
    "first-day": { type: "string" },
  },
});

function readCount(name: "seed" | "events" | "keys" | "models" | "days"): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${name}: found ${values[name]}; must be a whole number above 0`);
}

const url = values["database-url"];
if (url === undefined) throw new Error("--database-url is needed: the database that is filled");
const days = readCount("days");
// Whole days before today, so that days can be computed, and retention keeps them.
const firstDayMs =
  values["first-day"] === undefined
    ? Math.floor(Date.now() / 86_400_000 - days) * 86_400_000
    : Date.parse(`${values["first-day"]}T00:00:00Z`);
if (!Number.isFinite(firstDayMs)) {
  throw new Error(`--first-day: found ${values["first-day"]}; must be a day like 2027-01-31`);
}
const shape = {
  seed: readCount("seed"),
  events: readCount("events"),
  keys: readCount("keys"),
  models: readCount("models"),
  days,
  firstDayMs,
};
const database = openDatabase({ url, applicationName: "tollgate:seed", poolMax: 2 });
try {
  const added = await insertSeedEvents(database, makeSeedEvents(shape));
  console.log(`${added} of ${shape.events} events were new.`);
} finally {
  await database.close();
}
