import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";

const from = "Tollgate <tollgate@example.com>";
const url = "smtp://tollgate:hidden-word@smtp.example.com:587";

function findMistakes(env: Record<string, string>): string[] {
  try {
    loadConfig({ env, readOnly: true });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
}

describe("the mail server", () => {
  test("is set by two variables together, and by none", () => {
    const { smtp } = loadConfig({ env: { SMTP_URL: url, SMTP_FROM: from }, readOnly: true });
    expect(smtp?.url.reveal()).toBe(url);
    expect(smtp?.from).toBe(from);
    expect(JSON.stringify(smtp)).not.toContain("hidden-word");
    expect(loadConfig({ env: {}, readOnly: true }).smtp).toBeNull();
    expect(
      loadConfig({ env: { SMTP_URL: "smtps://mail.example.com", SMTP_FROM: "a@example.com" }, readOnly: true }).smtp,
    ).not.toBeNull();
  });

  test.each([
    [{ SMTP_URL: url }, /^SMTP_FROM: not set; must be the sender's address/],
    [{ SMTP_FROM: from }, /^SMTP_URL: not set; must be set when SMTP_FROM is/],
    [{ SMTP_URL: "http://mail.example.com", SMTP_FROM: from }, /^SMTP_URL: .*must be smtp:\/\//],
    [{ SMTP_URL: url, SMTP_FROM: "nobody" }, /^SMTP_FROM: found/],
    [{ SMTP_URL: url, SMTP_FROM: "x\r\nBcc: a@b" }, /^SMTP_FROM: found/],
  ])("%j is a mistake, told in one line and without the password", (env, line) => {
    const mistakes = findMistakes(env);
    expect(mistakes).toEqual([expect.stringMatching(line)]);
    expect(mistakes.join()).not.toContain("hidden-word");
  });
});
