import { type BlockList, isIP, SocketAddress } from "node:net";
import { makeNetworkList } from "./network.ts";

/** Of a request, what says where it comes from. */
export interface AddressedRequest {
  socket: { remoteAddress?: string | undefined };
  headers: { "x-forwarded-for"?: string | string[] | undefined; forwarded?: string | undefined };
}

/** The client's address: IPv4, or IPv6 in its shortest form; `""` where the connection is gone. */
export type FindClientAddress = (request: AddressedRequest) => string;

/**
 * Makes the one function that says whom a request comes from, for access rules, logs and usage alike.
 *
 * @param trustedProxies networks. Empty: it is the peer, and no header counts. Else, where the peer is one of them: the
 * right-most entry of `X-Forwarded-For` (or of `Forwarded`, where the other is missing) that is none of them; the
 * left-most where all are. What is not an address makes it the peer: nothing left of it was written by anybody trusted.
 *
 * Source: RFC 7239 for `Forwarded`.
 */
export function makeFindClientAddress(trustedProxies: readonly string[]): FindClientAddress {
  if (trustedProxies.length === 0) return getPeerAddress;
  const trusted = makeNetworkList(trustedProxies);
  return (request) => {
    const peer = getPeerAddress(request);
    if (!isAddressIn(trusted, peer)) return peer;
    const chain = request.headers["x-forwarded-for"];
    if (chain !== undefined) return findClient(listHops(String(chain)), trusted, peer);
    const { forwarded } = request.headers;
    return forwarded === undefined ? peer : findClient(listForwardedHops(forwarded), trusted, peer);
  };
}

/** The address of the peer; an IPv4 address that came through an IPv6 socket in its own form. */
function getPeerAddress(request: AddressedRequest): string {
  const address = request.socket.remoteAddress ?? "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

function isAddressIn(list: BlockList, address: string): boolean {
  return list.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

function findClient(hops: readonly string[], trusted: BlockList, peer: string): string {
  let client = peer;
  for (let index = hops.length - 1; index >= 0; index--) {
    const address = parseHop(hops[index] as string);
    if (address === null) return peer;
    client = address;
    if (!isAddressIn(trusted, address)) break;
  }
  return client;
}

function listHops(header: string): string[] {
  return header.split(",").map((hop) => hop.trim());
}

/** `for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"`; an element without a well-formed `for` gives `""`. */
function listForwardedHops(header: string): string[] {
  const elements = header.match(/(?:[^",]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return elements.map((element) => {
    const found = [...element.matchAll(/(?:^|;)\s*for=("[^"\\]*"|[^\s;"]+)\s*(?=;|$)/gi)];
    return found.length === 1 ? (found[0]?.[1] ?? "").replaceAll('"', "") : "";
  });
}

/** Reads `192.0.2.1`, `192.0.2.1:8080`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:8080`. */
function parseHop(hop: string): string | null {
  if (hop.length > 64) return null;
  const match = /^(?:\[([0-9a-f:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/i.exec(hop);
  const text = match?.[1] ?? match?.[2] ?? hop;
  return text.includes("%") ? null : parseAddress(text);
}

/**
 * Reads one address.
 *
 * @returns IPv4 as it stands, also where it was written as IPv6; other IPv6 in its shortest form; `null` for all else.
 */
export function parseAddress(text: string): string | null {
  const version = isIP(text);
  if (version === 4) return text;
  if (version !== 6) return null;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}
