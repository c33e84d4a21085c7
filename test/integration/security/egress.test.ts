import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EgressError, type Lookup, openEgress } from "../../../server/platform/egress.ts";
import { openTrapListener, type TrapListener } from "../../support/trap-listener.ts";
import { innerNames, listInnerUrls } from "../../support/url-spellings.ts";

/** BARS.md C4: no URL that somebody names at run time leads into our own network. */
let trap: TrapListener;
beforeAll(async () => {
  // All of this machine's addresses, of both families.
  trap = await openTrapListener("::");
});
afterAll(() => trap.close());

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function openServer(handle: RequestListener): Promise<number> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Answers what the table says; all other names are one more way to say loopback. */
const stubLookup: Lookup = async (host) =>
  (innerNames[host] ?? ["127.0.0.1"]).map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

async function findOutcome(send: Promise<unknown>): Promise<string> {
  return await send.then(
    () => "sent",
    (error: unknown) => (error instanceof EgressError ? error.kind : String(error)),
  );
}

const message = { headers: { "content-type": "application/json" }, body: "{}" };

describe("a URL that leads inward", () => {
  test("is refused in each of its spellings, by the check and by the call, before anything is connected to", async () => {
    const urls = listInnerUrls(trap.port);
    expect(urls.length).toBeGreaterThanOrEqual(400);
    const egress = openEgress({ allow: [], lookup: stubLookup, timeoutMs: 3_000 });
    const before = trap.connectionCount;
    for (const url of urls) {
      expect([url, await findOutcome(egress.check(url))]).toEqual([url, "refused"]);
      expect([url, await findOutcome(egress.send({ url, ...message }))]).toEqual([url, "refused"]);
    }
    expect(trap.connectionCount).toBe(before);
  });

  test("reaches the trap in many of these spellings where the guard lets everything through", async () => {
    const egress = openEgress({ allow: ["0.0.0.0/0", "::/0"], lookup: stubLookup, timeoutMs: 1_000 });
    const before = trap.connectionCount;
    const loopback = listInnerUrls(trap.port).filter((url) =>
      /^https?:\/\/(127|localhost|2130706433|0x7f|\[::1)/.test(url),
    );
    await Promise.all(loopback.map((url) => findOutcome(egress.send({ url, ...message }))));
    expect(trap.connectionCount - before).toBeGreaterThan(50);
  });

  test("is refused with the system's own resolver too", async () => {
    const egress = openEgress({ allow: [] });
    expect(await findOutcome(egress.send({ url: `https://localhost:${trap.port}/`, ...message }))).toBe("refused");
  });

  test("is refused where metadata lies in a network that is allowed as a whole", async () => {
    const egress = openEgress({ allow: ["169.254.0.0/16", "100.64.0.0/10"] });
    expect(await findOutcome(egress.check("https://169.254.169.254/"))).toBe("refused");
    expect(await findOutcome(egress.check("https://100.100.100.200/"))).toBe("refused");
    expect(await findOutcome(egress.check("https://169.254.1.1/"))).toBe("sent");
    expect(await findOutcome(openEgress({ allow: ["169.254.169.254"] }).check("https://169.254.169.254/"))).toBe(
      "sent",
    );
  });
});

describe("a URL of the public Internet", () => {
  test.each(["https://93.184.215.14/", "https://[2606:4700:4700::1111]/hook", "https://1.1.1.1:8443/hook?a=b"])(
    "%s is let through",
    async (url) => {
      expect(await findOutcome(openEgress({ allow: [] }).check(url))).toBe("sent");
    },
  );

  test("is refused as plain http", async () => {
    expect(await findOutcome(openEgress({ allow: [] }).check("http://93.184.215.14/"))).toBe("refused");
  });
});

describe("a host that is let in", () => {
  test("is asked once for its address, and the call goes there, whatever the name says next", async () => {
    const bodies: string[] = [];
    const port = await openServer((request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(`${request.headers.host} ${chunk.toString()}`));
      request.on("end", () => response.end("taken"));
    });
    let asked = 0;
    const lookup: Lookup = async () => {
      asked += 1;
      return [{ address: asked === 1 ? "127.0.0.1" : "127.0.0.9", family: 4 }];
    };
    const egress = openEgress({ allow: ["127.0.0.1"], lookup });
    const answer = await egress.send({ url: `http://rebinding.test:${port}/hook`, headers: {}, body: "event" });
    expect(answer).toMatchObject({ status: 200, text: "taken" });
    expect(asked).toBe(1);
    expect(bodies).toEqual([`rebinding.test:${port} event`]);
  });

  test("is refused when its name has moved inward between the check and the call", async () => {
    let asked = 0;
    const lookup: Lookup = async () => {
      asked += 1;
      return [{ address: asked === 1 ? "93.184.215.14" : "127.0.0.1", family: 4 }];
    };
    const egress = openEgress({ allow: [], lookup });
    const url = `https://rebinding.test:${trap.port}/`;
    const before = trap.connectionCount;
    await egress.check(url);
    expect(await findOutcome(egress.send({ url, ...message }))).toBe("refused");
    expect(trap.connectionCount).toBe(before);
  });

  test.each([301, 302, 303, 307, 308])("is not followed anywhere by a %i", async (status) => {
    const before = trap.connectionCount;
    for (const target of [trap.url, `http://[::1]:${trap.port}/`, `//localhost:${trap.port}/`, "file:///etc/passwd"]) {
      const port = await openServer((_request, response) => response.writeHead(status, { location: target }).end());
      const egress = openEgress({ allow: ["127.0.0.0/8", "::1"] });
      expect((await egress.send({ url: `http://127.0.0.1:${port}/`, ...message })).status).toBe(status);
    }
    expect(trap.connectionCount).toBe(before);
  });

  test("that answers without end is cut off, and is not waited for", async () => {
    const port = await openServer((_request, response) => {
      const timer = setInterval(() => response.write("x".repeat(64_000)), 1);
      response.on("close", () => clearInterval(timer));
    });
    const egress = openEgress({ allow: ["127.0.0.1"] });
    const { text } = await egress.send({ url: `http://127.0.0.1:${port}/`, ...message });
    expect(text.length).toBe(4_096);
  });

  test("that never answers, that hangs up, and that has no name each fail with a reason of one line", async () => {
    const silent = await openServer(() => undefined);
    const rude = await openServer((request) => request.socket.destroy());
    const egress = openEgress({ allow: ["127.0.0.1"], timeoutMs: 500 });
    await expect(egress.send({ url: `http://127.0.0.1:${silent}/`, ...message })).rejects.toThrow("within 0.5 s");
    await expect(egress.send({ url: `http://127.0.0.1:${rude}/`, ...message })).rejects.toThrow(
      /^the connection failed/,
    );
    const nameless = openEgress({ allow: [], lookup: () => Promise.reject(new Error("ENOTFOUND")) });
    await expect(nameless.check("https://nowhere.test/")).rejects.toThrow("its host cannot be resolved");
    const slow = openEgress({ allow: [], timeoutMs: 200, lookup: () => new Promise(() => undefined) });
    await expect(slow.check("https://slow.test/")).rejects.toThrow("in time");
  });
});
