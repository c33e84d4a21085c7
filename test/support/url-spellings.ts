/** Addresses that nobody outside may reach through us, each with what it is. */
const innerIpv4: readonly [string, string][] = [
  ["127.0.0.1", "loopback"],
  ["127.0.0.2", "loopback"],
  ["127.255.255.254", "loopback"],
  ["0.0.0.0", "this host"],
  ["10.0.0.1", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.254", "private"],
  ["192.168.0.1", "private"],
  ["169.254.169.254", "metadata"],
  ["169.254.170.2", "metadata"],
  ["168.63.129.16", "metadata"],
  ["100.100.100.200", "metadata"],
  ["192.0.0.192", "metadata"],
  ["100.64.0.1", "CGNAT"],
  ["198.18.0.1", "benchmark"],
  ["224.0.0.1", "multicast"],
  ["255.255.255.255", "broadcast"],
];

const innerIpv6: readonly string[] = [
  "::",
  "::1",
  "0:0:0:0:0:0:0:1",
  "0000:0000:0000:0000:0000:0000:0000:0001",
  "fe80::1",
  "fec0::1",
  "fc00::1",
  "fd00:ec2::254",
  "fd20:ce::254",
  "ff02::1",
  "100::1",
  "2001:db8::1",
  "2001::1",
  "3fff::1",
  "5f00::1",
];

/** Names that mean this machine or a cloud's metadata; the stub resolver says what each is. */
export const innerNames: Readonly<Record<string, readonly string[]>> = {
  localhost: ["127.0.0.1"],
  "localhost.": ["127.0.0.1"],
  localhost6: ["::1"],
  "ip6-localhost": ["::1"],
  "foo.localhost": ["127.0.0.1"],
  "localhost.localdomain": ["127.0.0.1"],
  "loopback.example.com": ["127.0.0.1"],
  "127.0.0.1.nip.io": ["127.0.0.1"],
  "7f000001.example.com": ["127.0.0.1"],
  "metadata.google.internal": ["169.254.169.254"],
  "metadata.google.internal.": ["169.254.169.254"],
  metadata: ["169.254.169.254"],
  "instance-data": ["169.254.169.254"],
  "instance-data.ec2.internal": ["169.254.169.254"],
  "metadata.azure.internal": ["168.63.129.16"],
  "kubernetes.default.svc": ["10.96.0.1"],
  "host.docker.internal": ["172.17.0.1"],
  "one-of-two.example.com": ["93.184.215.14", "127.0.0.1"],
  "last-of-three.example.com": ["93.184.215.14", "2606:4700::1111", "::1"],
  "mapped.example.com": ["::ffff:127.0.0.1"],
  "translated.example.com": ["64:ff9b::7f00:1"],
  "zoned.example.com": ["fe80::1%lo"],
  "xn--lcalhost-n4a.example.com": ["127.0.0.1"],
};

/** Every way that a URL parser reads an IPv4 address, and some that it should not. */
function spellIpv4(address: string): string[] {
  const bytes = address.split(".").map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  const all = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const low24 = (b << 16) | (c << 8) | d;
  const low16 = (c << 8) | d;
  const hex = (value: number): string => value.toString(16);
  const octal = (value: number): string => `0${value.toString(8)}`;
  const wide = (text: string, zero: number): string =>
    text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
  const groups = `${hex((a << 8) | b)}:${hex(low16)}`;
  return [
    address,
    `${address}.`,
    String(all),
    `0x${hex(all)}`,
    `0X${hex(all).toUpperCase()}`,
    octal(all),
    `${a}.${low24}`,
    `${a}.${b}.${low16}`,
    bytes.map(octal).join("."),
    bytes.map((byte) => `0x${hex(byte)}`).join("."),
    bytes.map((byte) => `000${octal(byte)}`).join("."),
    `0x${hex(a)}.${b}.${octal(c)}.${d}`,
    wide(address, 0xff10),
    address.replaceAll(".", "\u3002"),
    address.replaceAll(".", "\uff0e"),
    address.replaceAll(".", "%2e"),
    Buffer.from(address).reduce((text, byte) => `${text}%${byte.toString(16)}`, ""),
    `[::ffff:${address}]`,
    `[::FFFF:${groups}]`,
    `[0:0:0:0:0:ffff:${groups}]`,
    `[::${address}]`,
    `[64:ff9b::${address}]`,
    `[64:ff9b:1::${groups}]`,
    `[2002:${groups}::1]`,
    `[2001:0:${groups}:0:0:0:0]`,
  ];
}

/** What a parser may take for something else than the host, with the host at `HOST`. */
const disguises = [
  "https://HOST/",
  "http://HOST/",
  "https://HOST/hook?x=1",
  "https://user:password@HOST/",
  "https://hooks.example.com@HOST/",
  "https://hooks.example.com:443@HOST/",
  "https://hooks.example.com%2f@HOST/",
  "https://HOST\\@hooks.example.com/",
  "https://hooks.example.com\\@HOST/",
  "https:HOST/",
  "https:/HOST/",
  "https:\\\\HOST/",
  "https:///HOST/",
  " https://HOST/ ",
  "ht\ntps://HO\tST/".replace("HO\tST", "HOST"),
  "HTTPS://HOST/",
  "https://HOST/#@hooks.example.com/",
  "https://HOST/?@hooks.example.com/",
];

const otherSchemes = [
  "file:///etc/passwd",
  "file://HOST/etc/passwd",
  "ftp://HOST/",
  "gopher://HOST/_GET%20/",
  "dict://HOST/stat",
  "ldap://HOST/",
  "tftp://HOST/x",
  "ws://HOST/",
  "wss://HOST/",
  "jar:http://HOST/!/",
  "data:text/plain,x",
  "javascript:0",
  "blob:https://HOST/x",
  "unix:/var/run/docker.sock",
  "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
  "about:blank",
  "//HOST/",
  "HOST",
  "HOST/hook",
  "https://",
  "https://[::1",
  "https://127.0.0.1:99999/",
  "",
];

/** URLs that all lead inward, or nowhere. The port of a trap stands behind each host, so that none is missed. */
export function listInnerUrls(port: number): string[] {
  const hosts = [
    ...innerIpv4.flatMap(([address]) => spellIpv4(address)),
    ...innerIpv6.map((address) => `[${address}]`),
    ...Object.keys(innerNames),
  ];
  const plain = hosts.flatMap((host) => [`https://${host}:${port}/`, `http://${host}:${port}/`]);
  const few = ["127.0.0.1", "localhost", "[::1]", "2130706433", "169.254.169.254"];
  const disguised = [...disguises, ...otherSchemes].flatMap((form) =>
    few.map((host) => form.replace("HOST", `${host}:${port}`)),
  );
  return [...new Set([...plain, ...disguised])];
}
