import type { ServerResponse } from "node:http";

/** The client's end of a request: tells when it has gone before its answer was whole. */
export class ClientConnection {
  readonly response: ServerResponse;
  #left = false;
  readonly #whenLeft: (() => void)[] = [];

  constructor(response: ServerResponse) {
    this.response = response;
    // It may have left before anybody could listen.
    if (response.destroyed && !response.writableFinished) this.#left = true;
    response.once("close", () => {
      if (response.writableFinished) return;
      this.#left = true;
      for (const action of this.#whenLeft) action();
    });
  }

  get left(): boolean {
    return this.#left;
  }

  /** Adds what is done once when the client leaves; at once if it has. */
  onLeft(action: () => void): void {
    if (this.#left) action();
    else this.#whenLeft.push(action);
  }
}
