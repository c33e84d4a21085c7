import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { openMailer } from "../../../server/platform/mailer.ts";
import { type MailServer, openMailServer } from "../../support/mail-server.ts";
import { openWebhookHarness, type WebhookHarness } from "../../support/webhook-harness.ts";

const from = "Tollgate <tollgate@example.com>";
let mail: MailServer;
let harness: WebhookHarness;
beforeAll(async () => {
  mail = await openMailServer();
  harness = await openWebhookHarness();
  const smtp = { url: new Secret(mail.url), from };
  harness.admin.context.config.smtp = smtp;
  harness.worker.context.config = { ...harness.worker.context.config, smtp };
});
afterAll(async () => {
  await harness.close();
  await mail.close();
});
beforeEach(() => {
  mail.mails.length = 0;
  mail.refused.clear();
});

async function sendTest(name: string, to: string[]) {
  const { system } = harness.admin;
  const { id } = await system.webhooks.create({ kind: "email", name, to });
  await system.webhooks.test({ webhook_id: id });
  const done = await harness.deliver();
  const { deliveries } = await system.webhooks.listDeliveries({ webhook_id: id });
  return { done, delivery: deliveries[0] };
}

test("a message goes by SMTP to all recipients, as plain text", async () => {
  const { done } = await sendTest("Night watch", ["ops@example.com", "boss@example.com"]);
  expect(done).toMatchObject({ delivered: 1, failed: 0 });
  expect(mail.mails).toHaveLength(1);
  const [sent] = mail.mails;
  expect(sent).toMatchObject({ from: "tollgate@example.com", to: ["ops@example.com", "boss@example.com"] });
  expect(sent?.raw).toContain("Subject: [Tollgate] Test of the webhook Night watch");
  expect(sent?.raw).toContain("Content-Type: text/plain");
  expect(sent?.raw).toContain("From: Tollgate <tollgate@example.com>");
});

test("a name that looks like a header, a mail that is refused, and a wrong password each stay what they are", async () => {
  const { done } = await sendTest("x Bcc: thief@example.com", ["ops@example.com"]);
  expect(done).toMatchObject({ delivered: 1 });
  expect(mail.mails[0]?.to).toEqual(["ops@example.com"]);

  mail.refused.add("nobody@example.com");
  const refused = await sendTest("Refused", ["nobody@example.com"]);
  expect(refused.done).toMatchObject({ delivered: 0, failed: 1 });
  expect(refused.delivery?.last_error).toBe("the mail server did not take it (EENVELOPE 550)");

  const wrong = openMailer({ url: new Secret(mail.url.replace("mail-password", "other")), from });
  await expect(wrong.send({ to: ["a@example.com"], subject: "s", text: "t" })).rejects.toThrow(/EAUTH 535/);
  const away = openMailer({ url: new Secret("smtp://127.0.0.1:1"), from });
  await expect(away.send({ to: ["a@example.com"], subject: "s", text: "t" })).rejects.toThrow(/ESOCKET|ECONNREFUSED/);
});

test("a password goes to no other machine in plain text", async () => {
  const plain = openMailer({ url: new Secret(mail.url.replace("127.0.0.1", "0.0.0.0")), from });
  await expect(plain.send({ to: ["a@example.com"], subject: "s", text: "t" })).rejects.toThrow(/ETLS/);
  expect(mail.mails).toEqual([]);
});
