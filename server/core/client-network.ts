import { isIPv4, isIPv6 } from "node:net";

/**
 * The network that a client's address is taken for where single addresses are too many: `/24` of IPv4, `/48` of IPv6, which is what
 * one customer of a provider mostly has.
 *
 * @returns `null` for what is no address.
 */
export function findClientNetwork(address: string): string | null {
  if (isIPv4(address)) return `${address.slice(0, address.lastIndexOf("."))}.0/24`;
  if (!isIPv6(address)) return null;
  const [text = ""] = address.split("%");
  const [head = "", tail] = text.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    // An IPv4 address at the end takes the room of two groups.
    const after = tail === "" ? 0 : tail.split(":").length + (tail.includes(".") ? 1 : 0);
    while (groups.length < 8 - after) groups.push("0");
    if (tail !== "") groups.push(...tail.split(":"));
  }
  const [first = "0", second = "0", third = "0"] = groups.map((group) => Number.parseInt(group, 16).toString(16));
  return `${first}:${second}:${third}::/48`;
}
