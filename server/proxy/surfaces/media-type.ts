const mediaTypes =
  /^(?:audio\/[\w.+-]{1,64}|video\/[\w.+-]{1,64}|image\/(?:png|jpeg|webp)|text\/(?:plain|vtt|event-stream)|application\/(?:json|octet-stream|x-subrip))(?:; ?charset=utf-8)?$/i;

/**
 * The type of an answer that is passed on: the provider's, where it is of a kind that no browser runs.
 *
 * @param fallback for all others.
 */
export function findMediaType(value: string | string[] | undefined, fallback: string): string {
  return typeof value === "string" && mediaTypes.test(value) ? value : fallback;
}
