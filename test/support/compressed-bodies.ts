import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";

/** A request body that is small on the wire and large, or costly, once somebody unpacks it. */
export interface CompressedBody {
  name: string;
  /** Value of `Content-Encoding`. */
  encoding: string;
  body: Buffer;
}

const megabyte = 1024 * 1024;

/** A JSON request with so much padding, valid once unpacked. */
function makeJson(bytes: number): Buffer {
  return Buffer.from(`{"model":"gpt-test","messages":[],"user":"${" ".repeat(bytes)}"}`);
}

/** gzip members can stand one behind the other: the same few kilobytes repeated unpack to any size. */
function makeGzipOf(gigabytes: number): Buffer {
  const member = gzipSync(Buffer.alloc(64 * megabyte, 0x20), { level: 9 });
  return Buffer.concat(Array<Buffer>(gigabytes * 16).fill(member));
}

/** A frame of zstd that says it holds `size` bytes in one run-length block after the other; Node 20 cannot make one. */
function makeZstd(blocks: number): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);
  const size = 128 * 1024;
  const block = (last: number): Buffer => {
    const header = last | (1 << 1) | (size << 3);
    return Buffer.from([header & 255, (header >> 8) & 255, (header >> 16) & 255, 0x20]);
  };
  return Buffer.concat([head, ...Array<Buffer>(blocks).fill(block(0)), block(1)]);
}

export function listCompressedBodies(): CompressedBody[] {
  const gzip = gzipSync(makeJson(10 * megabyte));
  let stacked = gzip;
  for (let layer = 0; layer < 99; layer++) stacked = gzipSync(stacked);
  const brotli = brotliCompressSync(makeJson(10 * megabyte), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LARGE_WINDOW]: 1 },
  });
  return [
    { name: "gzip of 10 MB", encoding: "gzip", body: gzip },
    { name: "gzip of 10 GB", encoding: "gzip", body: makeGzipOf(10) },
    { name: "x-gzip", encoding: "x-gzip", body: gzip },
    { name: "deflate of 10 MB", encoding: "deflate", body: deflateSync(makeJson(10 * megabyte)) },
    { name: "brotli of 10 MB", encoding: "br", body: brotli },
    { name: "zstd of 8 GB", encoding: "zstd", body: makeZstd(65_536) },
    { name: "100 layers of gzip", encoding: Array<string>(100).fill("gzip").join(", "), body: stacked },
    { name: "gzip in brotli", encoding: "gzip, br", body: brotliCompressSync(gzip) },
    { name: "identity, then gzip", encoding: "identity, gzip", body: gzip },
    { name: "upper case", encoding: "GZIP", body: gzip },
    { name: "an unknown coding", encoding: "aes128gcm", body: gzip },
    { name: "gzip that is none", encoding: "gzip", body: makeJson(10) },
    { name: "gzip that never ends", encoding: "gzip", body: gzip.subarray(0, -20) },
  ];
}
