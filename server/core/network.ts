import { BlockList, isIP } from "node:net";

/** A network in CIDR notation, taken apart; a single address is the network of its full length. */
export interface Network {
  address: string;
  prefix: number;
  family: "ipv4" | "ipv6";
}

const shape = /^([0-9A-Fa-f:.]{2,45})(?:\/(\d{1,3}))?$/;

/** Reads `10.0.0.0/8`, `2001:db8::/32`, or a single address. @returns `null` for anything else. */
export function parseNetwork(text: string): Network | null {
  const match = shape.exec(text);
  const address = match?.[1] ?? "";
  const version = isIP(address);
  if (version === 0) return null;
  const bits = version === 6 ? 128 : 32;
  const prefix = match?.[2] === undefined ? bits : Number(match[2]);
  return prefix > bits ? null : { address, prefix, family: version === 6 ? "ipv6" : "ipv4" };
}

/** Tells whether every address of `inner` is in `outer`. False where either is no network. */
export function isNetworkWithin(inner: string, outer: string): boolean {
  const small = parseNetwork(inner);
  const large = parseNetwork(outer);
  if (small === null || large === null || small.family !== large.family || small.prefix < large.prefix) return false;
  const list = new BlockList();
  list.addSubnet(large.address, large.prefix, large.family);
  return list.check(small.address, small.family);
}

const mapped = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

/**
 * A list to hold addresses against. A network of IPv4 addresses that is written as IPv6 (`::ffff:10.0.0.0/104`) is the one
 * that it stands for. A spelling that is no network matches nothing: the list stays as strict as it was meant.
 */
export function makeNetworkList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const network = parseNetwork(text);
    if (network === null) continue;
    const { address, prefix, family } = network;
    if (mapped.test(address) && prefix >= 96) list.addSubnet(address.replace(mapped, ""), prefix - 96, "ipv4");
    else list.addSubnet(address, prefix, family);
  }
  return list;
}
