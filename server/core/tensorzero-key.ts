import type { PublicId } from "./api-key.ts";

const shape = /^sk-t0-([0-9A-Za-z]{12})-([0-9A-Za-z]{48})$/;

/** A key of TensorZero, taken apart; `null` for any other text. Nothing in it says whether it was ever issued. */
export function parseTensorzeroKey(text: string): { publicId: PublicId; secret: string } | null {
  const match = shape.exec(text);
  return match === null ? null : { publicId: match[1] as PublicId, secret: match[2] ?? "" };
}
