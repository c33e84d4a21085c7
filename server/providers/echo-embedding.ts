import { createHash } from "node:crypto";

/**
 * A unit vector that depends on the text alone: equal texts are at distance 0, others at random angles.
 * Its numbers are exact 32-bit floats, so that both encodings say the same.
 */
export function makeEmbedding(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  // SHAKE gives as many bytes as the vector needs from one hash of the text.
  const bytes = createHash("shake256", { outputLength: dimensions * 4 })
    .update(text)
    .digest();
  let squares = 0;
  for (let i = 0; i < dimensions; i++) {
    const value = bytes.readInt32LE(i * 4) / 0x8000_0000;
    vector[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares) || 1;
  return vector.map((value) => value / length);
}
