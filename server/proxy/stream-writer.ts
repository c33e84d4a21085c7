import type { AnswerBurst, Sender } from "./answer-burst.ts";
import type { ClientConnection } from "./client-connection.ts";

/** Who gives the bytes: held up while the client is slow. */
export interface Pace {
  pause(): void;
  resume(): void;
}

/** More than this does not wait for the end of the turn: a fast provider has megabytes in one turn, and must feel a slow client. */
const waitingBytesMax = 16 * 1024;

/** The client's side of a stream: what comes in one turn of the event loop goes out in one write at its end. */
export class StreamWriter implements Sender {
  readonly #burst: AnswerBurst;
  readonly #client: ClientConnection;
  readonly #pace: Pace;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isQueued = false;
  #isPaused = false;
  #ending: "none" | "whole" | "broken" = "none";

  /** The head of the response is set; it goes out at the end of this turn, alone where nothing follows until then. */
  constructor(burst: AnswerBurst, client: ClientConnection, pace: Pace) {
    this.#burst = burst;
    this.#client = client;
    this.#pace = pace;
    this.#queue();
  }

  write(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes < waitingBytesMax) this.#queue();
    else this.#flush();
  }

  end(): void {
    this.#ending = "whole";
    this.#queue();
  }

  /** Lets the connection end behind what was written: the answer must not look whole. */
  breakOff(): void {
    this.#ending = "broken";
    this.#queue();
  }

  #queue(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#burst.add(this);
  }

  send(): void {
    this.#isQueued = false;
    this.#flush();
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#client.left) return;
    const { response } = this.#client;
    let hasRoom = true;
    for (const bytes of waiting) hasRoom = response.write(bytes);
    if (this.#ending === "whole") response.end();
    else if (this.#ending === "broken") response.destroy();
    else if (waiting.length === 0) response.flushHeaders();
    else if (!hasRoom) this.#pause();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#pace.pause();
    this.#client.response.once("drain", () => {
      this.#isPaused = false;
      this.#pace.resume();
    });
  }
}
