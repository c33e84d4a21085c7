/**
 * The slow hash of a password (scrypt), as better-auth stores and checks it. Its code is loaded when it is needed: no other
 * command of the command line waits for it.
 */
export async function makePasswordHash(password: string): Promise<string> {
  const { hashPassword } = await import("@better-auth/utils/password");
  return await hashPassword(password);
}
