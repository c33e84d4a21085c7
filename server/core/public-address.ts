import { type BlockList, isIP } from "node:net";
import { makeNetworkList } from "./network.ts";

/**
 * Networks that no host of the public Internet is in: this host, private, shared (CGNAT), loopback, link-local, protocol
 * assignments, documentation, 6to4 relays, benchmarks, multicast, reserved.
 *
 * Source: IANA IPv4 Special-Purpose Address Registry.
 */
const specialIpv4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** All that is assigned to hosts. What lies outside (loopback, IPv4-mapped, NAT64, ULA, link-local, multicast) is not public. */
const globalIpv6 = ["2000::/3"];

/**
 * In it: protocol assignments with Teredo, documentation, and 6to4, which carries an IPv4 address of anybody's choice.
 *
 * Source: IANA IPv6 Special-Purpose Address Registry.
 */
const specialIpv6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/** Where clouds tell a machine its own credentials: AWS, Google, Azure, Oracle, Alibaba. Not all of them look private. */
const metadataAddresses = [
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
];

const special = makeNetworkList([...specialIpv4, ...specialIpv6]);
const assigned = makeNetworkList(globalIpv6);
const metadata = makeNetworkList(metadataAddresses);

/** Tells of an address whether it may be connected to. */
export type IsReachable = (address: string) => boolean;

/**
 * Makes the judge of addresses that somebody other than the operator chose.
 *
 * @param allow networks that may be reached although they are not public. A metadata address is reached only where it is
 * named alone: a wide network does not mean it.
 * @returns false for what is no address, and for one with a zone.
 */
export function makeIsReachable(allow: readonly string[]): { isReachable: IsReachable; isAllowed: IsReachable } {
  const allowed = makeNetworkList(allow);
  const single = makeNetworkList(allow.filter((text) => isIP(text.replace(/\/(32|128)$/, "")) !== 0));
  const isAllowed = (address: string): boolean => isIn(isIn(metadata, address) ? single : allowed, address);
  return { isAllowed, isReachable: (address) => isPublic(address) || isAllowed(address) };
}

function isPublic(address: string): boolean {
  if (isIn(metadata, address) || isIn(special, address)) return false;
  return isIP(address) === 4 || isIn(assigned, address);
}

function isIn(list: BlockList, address: string): boolean {
  const version = address.includes("%") ? 0 : isIP(address);
  return version !== 0 && list.check(address, version === 6 ? "ipv6" : "ipv4");
}
