import type { Refusal } from "../../core/error.ts";
import { makeInvalid } from "../json-body.ts";

/** What is wrong with a request, found while it is translated. The first fault is told. */
export class Faults {
  #first: Refusal | null = null;

  get first(): Refusal | null {
    return this.#first;
  }

  /**
   * @param path of the field, such as `messages.0.content`.
   * @param message what is allowed, as the end of a sentence that begins with the path.
   */
  add(path: string, message: string): void {
    this.#first ??= makeInvalid(`\`${path}\` ${message}`, path);
  }
}
