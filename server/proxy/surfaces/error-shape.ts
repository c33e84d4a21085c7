import type { Refusal } from "../../core/error.ts";

/** What a provider said of an error, without what names its account; `null` where it said nothing. */
export interface ProviderError {
  message: string;
  type: string | null;
  param: string | null;
  code: string | null;
}

/** How a surface tells errors. */
export interface ErrorShape {
  makeBody(refusal: Refusal, requestId: string): object;
  /** Of a provider's error that is the client's business. */
  makePassedBody(status: number, error: ProviderError, requestId: string): object;
  /** The event that ends a stream which broke. */
  formatEvent(body: object): Buffer;
}
