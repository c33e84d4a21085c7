import { expect, test } from "vitest";
import { findClientNetwork } from "../../../server/core/client-network.ts";

test.each([
  ["192.0.2.77", "192.0.2.0/24"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"],
  ["2001:0DB8:0001::", "2001:db8:1::/48"],
  ["2001:db8::1", "2001:db8:0::/48"],
  ["::1", "0:0:0::/48"],
  ["::", "0:0:0::/48"],
  ["1::2:3:4:5:6:7", "1:0:2::/48"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0::/48"],
  ["fe80::1%eth0", "fe80:0:0::/48"],
])("%s is in %s", (address, network) => {
  expect(findClientNetwork(address)).toBe(network);
});

test.each(["", "unknown", "192.0.2", "192.0.2.256", "2001:db8"])("%j is in none", (address) => {
  expect(findClientNetwork(address)).toBe(null);
});
