/** The browser's time, milliseconds since 1970. Only for what people read: what holds is decided by the database's clock. */
export function findNowMs(): number {
  return Date.now();
}
