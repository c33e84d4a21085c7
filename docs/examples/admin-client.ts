/**
 * Makes a key for a customer, lists that customer's keys, reads what they used, and revokes the key again.
 *
 *     TOLLGATE_URL=http://127.0.0.1:3000 TOLLGATE_ADMIN_KEY=prod_… npx tsx admin-client.ts
 */
import { createAdminClient, getAdminError } from "tollgate/client";

const { TOLLGATE_URL = "http://127.0.0.1:3000", TOLLGATE_ADMIN_KEY = "" } = process.env;
const admin = createAdminClient({ url: TOLLGATE_URL, apiKey: TOLLGATE_ADMIN_KEY });

const key = await admin.keys.create.mutate({
  name: "Acme production",
  models: ["openai::*"],
  tags: { customer_id: "acme" },
  budgets: [{ limit_usd: "25", period: "month" }],
  rate_limits: { requests_per_minute: 300 },
});
// The plaintext is shown this once; the gateway does not keep it.
console.log(`made ${key.alias}: ${key.api_key ?? "(made before)"}`);

const { api_keys: keys } = await admin.keys.list.query({ tag: { customer_id: "acme" } });
for (const each of keys) console.log(`has ${each.public_id} ${each.alias} ${each.state}`);

const usage = await admin.usage.query.query({ group_by: ["key", "model"], tag: { customer_id: "acme" } });
for (const row of usage.rows) console.log("used", row.public_id, row.model, row.cost_usd, "USD");
console.log(`total ${usage.totals.requests} requests, ${usage.totals.cost_usd} USD`);

await admin.keys.revoke.mutate({ public_id: key.public_id });
try {
  await admin.keys.enable.mutate({ public_id: key.public_id });
} catch (error) {
  console.log(`refused: ${getAdminError(error)?.code}`);
}
