import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "undici";
import { waitUntil } from "./wait-until.ts";

/** A page in a real Chromium, driven over its own debugging protocol. */
export interface BrowserPage {
  /** Addresses of everything that the page asked for, whoever answered. */
  requests: string[];
  /** What the browser complained of: scripts that threw, and what the page's policy forbade. */
  complaints: string[];
  /** Runs an expression in the page; its value must be JSON. */
  evaluate(expression: string): Promise<unknown>;
  /** A PNG of what is seen. */
  takeScreenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

/** Whether this machine has a Chromium; tests that need one call `recordSkip("browser", …)` where it has none. */
export function isBrowserInstalled(): boolean {
  try {
    execFileSync("chromium", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** Opens an address in a browser of its own, 1280 x 900. */
export async function openBrowserPage(url: string): Promise<BrowserPage> {
  const profile = mkdtempSync(join(tmpdir(), "tollgate-browser-"));
  const child = spawn(
    "chromium",
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--window-size=1280,900",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "pipe"], detached: true },
  );
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const end = (): Promise<void> => closeBrowser(child, profile);
  try {
    await waitUntil(() => /DevTools listening on \S+/.test(output), "the browser", 30_000);
    const { host } = new URL(/DevTools listening on (\S+)/.exec(output)?.[1] ?? "");
    return await openPage(host, url, end);
  } catch (error) {
    await end();
    throw error;
  }
}

async function openPage(host: string, url: string, end: () => Promise<void>): Promise<BrowserPage> {
  const listed = (await (await fetch(`http://${host}/json/list`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const target = listed.find(({ type }) => type === "page");
  if (target === undefined) throw new Error("the browser shows no page");
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", reject, { once: true });
  });
  const waiting = new Map<number, (message: Message) => void>();
  const page = { requests: [] as string[], complaints: [] as string[] };
  socket.addEventListener("message", ({ data }) => {
    const message: Message = JSON.parse(String(data));
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    else noticeEvent(page, message);
  });
  let last = 0;
  const send = (method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  for (const domain of ["Network", "Runtime", "Log", "Page"]) await send(`${domain}.enable`);
  await send("Page.navigate", { url });
  return {
    ...page,
    async evaluate(expression) {
      const answer = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
      return (answer.result as { value?: unknown }).value;
    },
    takeScreenshot: async () => Buffer.from(String((await send("Page.captureScreenshot")).data), "base64"),
    async close() {
      socket.close();
      await end();
    },
  };
}

function noticeEvent(page: { requests: string[]; complaints: string[] }, { method, params = {} }: Message): void {
  if (method === "Network.requestWillBeSent") page.requests.push((params.request as { url: string }).url);
  if (method === "Runtime.exceptionThrown") page.complaints.push(JSON.stringify(params.exceptionDetails));
  if (method === "Log.entryAdded") {
    const { level, text } = params.entry as { level: string; text: string };
    if (level === "error") page.complaints.push(text);
  }
}

async function closeBrowser(child: ChildProcess, profile: string): Promise<void> {
  const exited = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
  // Its helpers are in its process group.
  if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  await exited;
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
