import type { ServerResponse } from "node:http";

/** Something that has bytes for a client. */
export interface Sender {
  send(): void;
}

/**
 * Sends what is for clients in one go at the end of the event loop's turn, in place of one here and one there.
 *
 * A write to a socket wakes who reads from it. While the gateway works on something else between two writes, the reader falls
 * asleep again, and each write pays for waking it: measured on two cores with 64 connections, 22 of 75 us of a request
 * were in these writes, against 3 us in the equally large ones to the provider, which the journal already lets go together. In
 * one go, only the first wakes anybody. Nothing waits for more than what the same turn has still to do.
 */
export class AnswerBurst {
  #senders: Sender[] = [];

  /** Has `send` called at the end of this turn. */
  add(sender: Sender): void {
    if (this.#senders.push(sender) === 1) setImmediate(this.#send);
  }

  /** Ends a response whose head is set. @param body a text holds one byte in each character (latin1). */
  end(response: ServerResponse, body: string | Buffer): void {
    this.add(new WholeAnswer(response, body));
  }

  readonly #send = (): void => {
    const senders = this.#senders;
    this.#senders = [];
    for (const sender of senders) sender.send();
  };
}

class WholeAnswer implements Sender {
  readonly #response: ServerResponse;
  readonly #body: string | Buffer;

  constructor(response: ServerResponse, body: string | Buffer) {
    this.#response = response;
    this.#body = body;
  }

  send(): void {
    if (typeof this.#body === "string") this.#response.end(this.#body, "latin1");
    else this.#response.end(this.#body);
  }
}
