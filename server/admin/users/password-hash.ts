/**
 * The slow hash of a password (scrypt), as better-auth stores and checks it. Its code is loaded here and not at the start:
 * a tenth of a second that no other command of the command line has to wait for.
 */
export async function makePasswordHash(password: string): Promise<string> {
  const { hashPassword } = await import("better-auth/crypto");
  return await hashPassword(password);
}
