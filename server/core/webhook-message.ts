/** What is told, before it is written for one kind of receiver. */
export interface WebhookMessage {
  /** Like `alert.opened`. */
  type: string;
  /** When it happened, RFC 3339. */
  timestamp: string;
  data: {
    /** One line. */
    title: string;
    /** What a person wants to know beside it, in its order. */
    facts: Readonly<Record<string, string>>;
    /** What a program wants to know. */
    [field: string]: unknown;
  };
}

/** The text that is stored, signed and sent to receivers of the kind `standard`. */
export function makeWebhookBody(message: WebhookMessage): string {
  return JSON.stringify(message);
}

/** Reads {@link makeWebhookBody}'s text. */
export function parseWebhookBody(body: string): WebhookMessage {
  return JSON.parse(body);
}

/**
 * The body for an incoming webhook of Slack, which Mattermost and others take too. No name in it can become a mention or a link.
 *
 * Source: https://docs.slack.dev/messaging/formatting-message-text
 */
export function makeSlackBody({ type, data }: WebhookMessage): string {
  const lines = Object.entries(data.facts).map(([name, value]) => `*${escapeSlack(name)}:* ${escapeSlack(value)}`);
  const text = escapeSlack(data.title);
  const sections = [`*${text}*`, ...(lines.length === 0 ? [] : [lines.join("\n")])];
  return JSON.stringify({
    text,
    blocks: [
      ...sections.map((section) => ({ type: "section", text: { type: "mrkdwn", text: section.slice(0, 3_000) } })),
      { type: "context", elements: [{ type: "mrkdwn", text: `Tollgate: ${escapeSlack(type)}` }] },
    ],
  });
}

function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Subject and plain text of an e-mail. */
export function makeEmailText({ type, timestamp, data }: WebhookMessage): { subject: string; text: string } {
  const facts = Object.entries(data.facts).map(([name, value]) => `${name}: ${value}`);
  const subject = `[Tollgate] ${data.title}`.slice(0, 200);
  return { subject, text: [data.title, "", ...facts, "", `${type}, ${timestamp}`, ""].join("\n") };
}
