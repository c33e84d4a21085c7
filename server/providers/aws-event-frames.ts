const noBytes = Buffer.alloc(0);
/** Two lengths, their checksum, and the checksum of all. */
const frameBytesMin = 16;

/** What {@link AwsEventFrames} answers once a message has passed the limit, or has no possible length. */
export const frameOverflow = "frame_overflow";

/**
 * Cuts Amazon's event stream behind its messages, wherever its chunks were cut. One per stream. All that `push` returned,
 * then the rest, are the bytes that were pushed. Nothing is decoded.
 * Source: Smithy, "Amazon Event Stream Specification": each message begins with its whole length, 4 bytes, big-endian.
 */
export class AwsEventFrames {
  readonly #frameBytesMax: number;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** Bytes that the unfinished message needs to be whole, as far as is known. */
  #wanted = 4;
  #overflowed = false;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Whether the bytes so far end between two messages. */
  get isBetween(): boolean {
    return this.#partsBytes === 0;
  }

  /** All messages that became whole, each for itself. The chunk must not be changed later. */
  push(chunk: Buffer): Buffer[] | typeof frameOverflow {
    if (this.#overflowed) return frameOverflow;
    if (chunk.length > 0) this.#parts.push(chunk);
    this.#partsBytes += chunk.length;
    // A long message in many chunks is put together once.
    if (this.#partsBytes < this.#wanted) return [];
    const bytes = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    const frames: Buffer[] = [];
    let at = 0;
    this.#wanted = 4;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at);
      if (length < frameBytesMin || length > this.#frameBytesMax) {
        this.#overflowed = true;
        this.#parts = [];
        return frames.length === 0 ? frameOverflow : frames;
      }
      if (bytes.length - at < length) {
        this.#wanted = length;
        break;
      }
      frames.push(bytes.subarray(at, at + length));
      at += length;
    }
    // Copied, so that a waiting stream keeps no chunk alive.
    const rest = at === bytes.length ? noBytes : Buffer.from(bytes.subarray(at));
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#partsBytes = rest.length;
    return frames;
  }
}
