import { describe, expect, it } from "vitest";
import { makeFindClientAddress, parseAddress } from "../../../server/core/client-address.ts";
import { makeNetworkList } from "../../../server/core/network.ts";

const proxies = ["10.0.0.0/8", "127.0.0.1", "fd00::/8", "::ffff:172.16.0.0/108"];

function find(peer: string | undefined, headers: { xff?: string; forwarded?: string }, trusted = proxies): string {
  return makeFindClientAddress(trusted)({
    socket: { remoteAddress: peer },
    headers: {
      ...(headers.xff === undefined ? {} : { "x-forwarded-for": headers.xff }),
      ...(headers.forwarded === undefined ? {} : { forwarded: headers.forwarded }),
    },
  });
}

describe("X-Forwarded-For", () => {
  it.each([
    ["the right-most entry that is no proxy", "10.0.0.1", "1.1.1.1, 8.8.8.8, 10.0.0.2", "8.8.8.8"],
    ["one entry", "10.0.0.1", "8.8.8.8", "8.8.8.8"],
    ["what a client wrote itself stands further left", "10.0.0.1", "127.0.0.1, 8.8.8.8", "8.8.8.8"],
    ["all are proxies: the left-most", "10.0.0.1", "10.9.9.9, 10.0.0.2", "10.9.9.9"],
    ["a port", "10.0.0.1", "8.8.8.8:5555", "8.8.8.8"],
    ["IPv6", "fd00::1", "2001:DB8:0:0::1", "2001:db8::1"],
    ["IPv6 in brackets", "10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"],
    ["IPv4 written as IPv6, as a client", "10.0.0.1", "::ffff:8.8.8.8", "8.8.8.8"],
    ["IPv4 written as IPv6 in hex, as a proxy", "10.0.0.1", "8.8.8.8, ::ffff:0a00:0005", "8.8.8.8"],
    ["IPv4 written as IPv6, as the peer", "::ffff:10.0.0.1", "8.8.8.8", "8.8.8.8"],
    ["IPv4 written as IPv6, as the trusted network", "172.16.5.5", "8.8.8.8", "8.8.8.8"],
    ["white space", "10.0.0.1", "  8.8.8.8  ", "8.8.8.8"],
    ["the peer is no proxy", "9.9.9.9", "8.8.8.8", "9.9.9.9"],
    ["the peer only looks like one", "110.0.0.1", "8.8.8.8", "110.0.0.1"],
    ["nothing", "10.0.0.1", "", "10.0.0.1"],
    ["garbage", "10.0.0.1", "8.8.8.8, unknown", "10.0.0.1"],
    ["garbage behind a proxy", "10.0.0.1", "8.8.8.8, x, 10.0.0.2", "10.0.0.1"],
    ["garbage that a client wrote", "10.0.0.1", "x,,;, 8.8.8.8", "8.8.8.8"],
    ["an empty last entry", "10.0.0.1", "8.8.8.8,", "10.0.0.1"],
    ["no address but nearly", "10.0.0.1", "8.8.8.256", "10.0.0.1"],
    ["octal", "10.0.0.1", "010.8.8.8", "10.0.0.1"],
    ["a zone", "10.0.0.1", "fe80::1%eth0", "10.0.0.1"],
    ["a network", "10.0.0.1", "8.8.8.0/24", "10.0.0.1"],
    ["much", "10.0.0.1", "1".repeat(8_000), "10.0.0.1"],
  ])("%s", (_what, peer, xff, expected) => {
    expect(find(peer, { xff })).toBe(expected);
  });

  it("counts for nothing where no proxy is trusted", () => {
    expect(find("127.0.0.1", { xff: "8.8.8.8", forwarded: "for=8.8.8.8" }, [])).toBe("127.0.0.1");
    expect(find("::ffff:127.0.0.1", { xff: "8.8.8.8" }, [])).toBe("127.0.0.1");
    expect(find(undefined, {}, [])).toBe("");
    expect(find(undefined, { xff: "8.8.8.8" })).toBe("");
  });
});

describe("Forwarded", () => {
  it.each([
    ["for=8.8.8.8", "8.8.8.8"],
    ["For=8.8.8.8;proto=https;by=10.0.0.1", "8.8.8.8"],
    ["for=1.1.1.1, for=8.8.8.8;proto=http, for=10.0.0.2", "8.8.8.8"],
    ['for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"],
    ['for="8.8.8.8:80"', "8.8.8.8"],
    ['proto="a,b;for=1.1.1.1";for=8.8.8.8', "8.8.8.8"],
    ["for=8.8.8.8;for=9.9.9.9", "10.0.0.1"],
    ["for=unknown", "10.0.0.1"],
    ["for=_hidden", "10.0.0.1"],
    ["proto=https", "10.0.0.1"],
    ['for="8.8.8.8', "10.0.0.1"],
    ["", "10.0.0.1"],
  ])("%s", (forwarded, expected) => {
    expect(find("10.0.0.1", { forwarded })).toBe(expected);
  });

  it("is not read beside X-Forwarded-For, nor from who is no proxy", () => {
    expect(find("10.0.0.1", { xff: "8.8.8.8", forwarded: "for=1.1.1.1" })).toBe("8.8.8.8");
    expect(find("9.9.9.9", { forwarded: "for=1.1.1.1" })).toBe("9.9.9.9");
  });
});

it("parseAddress", () => {
  expect(["1.2.3.4", "::FFFF:1.2.3.4", "::", "1::0:0:1", "1.2.3", "", "x"].map(parseAddress)).toEqual([
    "1.2.3.4",
    "1.2.3.4",
    "::",
    "1::1",
    null,
    null,
    null,
  ]);
});

it("a network list holds IPv4 networks that are written as IPv6, and nothing that is no network", () => {
  const list = makeNetworkList(["::ffff:10.0.0.0/104", "2001:db8::/32", "nonsense", "10.0.0.0/99"]);
  expect(list.check("10.200.0.1", "ipv4")).toBe(true);
  expect(list.check("11.0.0.1", "ipv4")).toBe(false);
  expect(list.check("2001:db8:1::", "ipv6")).toBe(true);
});
