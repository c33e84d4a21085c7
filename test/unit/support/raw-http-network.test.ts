import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { makeRawRequest, type PipelinedRequest, parseRawAnswers, sendPipelined } from "../../support/raw-http.ts";

describe("parseRawAnswers", () => {
  const whole = Buffer.from(
    "HTTP/1.1 100 Continue\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a: b\r\n\r\nabc" +
      "HTTP/1.1 204 No Content\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=1\r\nf\r\n0\r\nTrailer: 1\r\n\r\n" +
      "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  );

  test("takes the answers apart, cut at any byte", () => {
    for (let cut = 0; cut <= whole.length; cut++) {
      const first = parseRawAnswers(whole.subarray(0, cut), false);
      const second = parseRawAnswers(Buffer.concat([first.rest, whole.subarray(cut)]), false);
      const answers = [...first.answers, ...second.answers];
      expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
        [200, "abc"],
        [204, ""],
        [200, "def"],
        [404, ""],
      ]);
      expect(answers[0]?.rawHeaders).toEqual([
        ["Content-Length", "3"],
        ["X", "a: b"],
      ]);
      expect(second.rest).toHaveLength(0);
    }
  });

  test("a body without a length is whole when the connection has ended", () => {
    const bytes = Buffer.from("HTTP/1.1 200 OK\r\n\r\nabc");
    expect(parseRawAnswers(bytes, false).answers).toHaveLength(0);
    expect(parseRawAnswers(bytes, true).answers[0]?.body.toString()).toBe("abc");
  });
});

test("sendPipelined tells of each request once, though connections end and some are never answered", async () => {
  const server = createServer((request, response) => {
    const number = Number(request.url?.slice(1));
    if (number % 50 === 7) request.socket.destroy();
    else {
      if (number % 30 === 0) response.setHeader("connection", "close");
      response.end(String(number));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const requests = Array.from({ length: 500 }, (_, number) => ({
    number,
    alone: number % 11 === 0,
    bytes: makeRawRequest([`GET /${number} HTTP/1.1`, "Host: x"]),
  })) satisfies PipelinedRequest[];
  const told = new Map<number, string | undefined>();
  const count = await sendPipelined((server.address() as AddressInfo).port, requests, ({ number }, answer) => {
    expect(told.has(number)).toBe(false);
    told.set(number, answer?.body.toString());
  });
  await new Promise((resolve) => server.close(resolve));
  expect(count).toBe(500);
  for (const [number, body] of told) expect(body).toBe(number % 50 === 7 ? undefined : String(number));
});
