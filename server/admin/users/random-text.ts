import type { RandomBytes } from "../../core/key-format.ts";

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Letters and digits, each as likely as any other: 5.9 bits a character. */
export function makeRandomText(randomBytes: RandomBytes, length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(2 * length)) {
      // 248 is the largest multiple of 62 that a byte holds.
      if (byte < 248 && text.length < length) text += letters[byte % 62];
    }
  }
  return text;
}
