import type { ServerResponse } from "node:http";

/**
 * Sends whole answers in one go at the end of the event loop's turn, in place of one here and one there.
 *
 * A write to a socket wakes who reads from it. While the gateway works on something else between two writes, the reader falls
 * asleep again, and each write pays for waking it: measured on two cores with 64 connections, 22 of 75 us of a request
 * were in these writes, against 3 us in the equally large ones to the provider, which the journal already lets go together. In
 * one go, only the first wakes anybody. An answer waits for no more than what the same turn has still to do.
 */
export class AnswerBurst {
  #responses: ServerResponse[] = [];
  #bodies: (string | Buffer)[] = [];

  /** Ends a response whose head is set. @param body a text holds one byte in each character (latin1). */
  end(response: ServerResponse, body: string | Buffer): void {
    this.#responses.push(response);
    this.#bodies.push(body);
    if (this.#responses.length === 1) setImmediate(this.#send);
  }

  readonly #send = (): void => {
    const responses = this.#responses;
    const bodies = this.#bodies;
    this.#responses = [];
    this.#bodies = [];
    for (let index = 0; index < responses.length; index++) {
      const body = bodies[index];
      if (typeof body === "string") responses[index]?.end(body, "latin1");
      else responses[index]?.end(body);
    }
  };
}
