import type { Config } from "./config.ts";

export interface Mail {
  to: readonly string[];
  /** One line. */
  subject: string;
  text: string;
}

export interface Mailer {
  /** Resolves once the server has taken it for all recipients. @throws MailError */
  send(mail: Mail): Promise<void>;
}

/** The server did not take a mail. The message is its answer's code, and nothing of the mail. */
export class MailError extends Error {
  override readonly name = "MailError";
}

const timeoutMs = 10_000;

/**
 * Makes the way out for e-mail: plain text, one connection a mail. A password is sent over TLS only, but to this machine.
 * The library comes with the first mail.
 */
export function openMailer({ url, from }: NonNullable<Config["smtp"]>): Mailer {
  return {
    async send({ to, subject, text }) {
      const { createTransport } = await import("nodemailer");
      const { hostname, username } = new URL(url.reveal());
      const isLocal = /^(127\.|localhost$|\[::1\]$)/.test(hostname);
      const transport = createTransport({
        url: url.reveal(),
        requireTLS: username !== "" && !isLocal,
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        // A text of ours is never the name of a file or a place to fetch.
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        const sent = await transport.sendMail({ from, to: [...to], subject, text });
        if (sent.rejected.length > 0) throw new MailError(`the mail server refused ${sent.rejected.length} recipients`);
      } catch (error) {
        throw error instanceof MailError ? error : new MailError(describe(error), { cause: error });
      } finally {
        transport.close();
      }
    },
  };
}

function describe(error: unknown): string {
  const { code, responseCode } = (error ?? {}) as { code?: string; responseCode?: number };
  const known = [code, responseCode].filter((part) => part !== undefined && /^[A-Z0-9]{2,20}$/.test(String(part)));
  return known.length === 0
    ? "the mail server did not take it"
    : `the mail server did not take it (${known.join(" ")})`;
}
