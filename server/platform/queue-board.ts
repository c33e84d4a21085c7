import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Queue } from "bullmq";
import type { Express, RequestHandler } from "express";
import { openQueues, type QueuesOptions, queueNames } from "./queues.ts";

/** The pages of bull-board: every queue with its runs, on either backend. They show and change nothing. */
export interface QueueBoard {
  /** Opens queues and library with the first visit. @throws where the queues' store cannot be reached; try again later. */
  load(): Promise<RequestHandler>;
  close(): Promise<void>;
}

/** @param basePath where the pages are mounted, without a slash at its end. */
export function makeQueueBoard(options: QueuesOptions, basePath: string): QueueBoard {
  const queues = openQueues(options);
  let loading: Promise<RequestHandler> | null = null;

  async function open(): Promise<RequestHandler> {
    const [{ createBullBoard }, { BullMQAdapter }, { ExpressAdapter }] = await Promise.all([
      import("@bull-board/api"),
      import("@bull-board/api/bullMQAdapter"),
      import("@bull-board/express"),
    ]);
    const shown = await Promise.all(queueNames.map((name) => queues.openShownQueue(name)));
    const serverAdapter = new ExpressAdapter();
    const app: Express = serverAdapter.getRouter();
    app.disable("x-powered-by");
    serverAdapter.setEntryRoute = ({ route, handler }) => {
      app.get(route, (_req, res, next) => {
        const { name, params } = handler({ basePath, uiConfig });
        res.render(name, params, (error: Error | null, page: string) => {
          if (error !== null) next(error);
          else res.type("text/html").send(hideForeign(page));
        });
      });
      return serverAdapter;
    };
    serverAdapter.setBasePath(basePath);
    createBullBoard({
      // Typed for Redis; it takes a queue of any backend.
      queues: shown.map((queue) => new BullMQAdapter(queue as Queue, { readOnlyMode: true, allowRetries: false })),
      serverAdapter,
      options: { uiBasePath: findUserInterface(), uiConfig },
    });
    return app;
  }

  return {
    load() {
      loading ??= open().catch((error: unknown) => {
        loading = null;
        throw error;
      });
      return loading;
    },
    async close() {
      await queues.close();
    },
  };
}

const uiConfig = {
  boardTitle: "Tollgate queues",
  hideDocsLink: true,
  favIcon: { default: "static/images/logo.svg", alternative: "static/favicon-32x32.png" },
};

/** Else the library looks for its files by `eval`. */
function findUserInterface(): string {
  return join(dirname(fileURLToPath(import.meta.resolve("@bull-board/ui/package.json"))));
}

/** Fonts of another host, and styles that stand in the page: our policy would forbid both, and tell on each visit. */
function hideForeign(page: string): string {
  return page
    .replace(/<link href="https:\/\/[^>]*>/g, "")
    .replace(/<div id="root">[\s\S]*?<\/style>\s*<\/div>/, '<div id="root"></div>');
}
