// The control: the least that a Node proxy can do. `node:http` in, undici's raw `dispatch` out, the body buffered, both
// sides kept alive, backpressure honoured; nothing is looked at. Plain JavaScript, so that no loader runs beside it.
// Arguments: pairs LISTEN:UPSTREAM of loopback ports.
import { createServer } from "node:http";
import { Pool } from "undici";

for (const pair of process.argv.slice(2)) {
  const [listenPort, upstreamPort] = pair.split(":").map(Number);
  const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: null, pipelining: 1 });
  createServer((request, response) => {
    /** @type {Buffer[]} */
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const [first] = parts;
      const body = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
      pool.dispatch(
        { path: request.url ?? "/", method: "POST", headers: ["content-type", "application/json"], body },
        new Relay(response),
      );
    });
  })
    .listen({ port: listenPort, host: "127.0.0.1", backlog: 4096 })
    .setTimeout(0);
}

class Relay {
  /** @param {import("node:http").ServerResponse} response */
  constructor(response) {
    this.response = response;
    this.resume = () => {};
  }
  /** @param {() => void} abort */
  onConnect(abort) {
    this.response.once("close", () => {
      if (!this.response.writableFinished) abort();
    });
  }
  /**
   * @param {number} status
   * @param {Buffer[]} rawHeaders
   * @param {() => void} resume
   */
  onHeaders(status, rawHeaders, resume) {
    const headers = [];
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = String(rawHeaders[index]).toLowerCase();
      if (name === "content-type" || name === "content-length") headers.push(name, String(rawHeaders[index + 1]));
    }
    this.resume = resume;
    this.response.writeHead(status, headers);
    return true;
  }
  /** @param {Buffer} chunk */
  onData(chunk) {
    if (this.response.write(chunk)) return true;
    this.response.once("drain", this.resume);
    return false;
  }
  onComplete() {
    this.response.end();
  }
  onError() {
    if (this.response.headersSent) this.response.destroy();
    else this.response.writeHead(502).end();
  }
}
