import { Client } from "undici";

/** A call that waits for, or holds, one of the connections. */
export interface ConnectionUser {
  /** Called once, with a connection that carries nothing else. */
  start(client: Client): void;
  /** Called instead when there will be no connection any more. */
  refuse(): void;
}

/** The connections to one origin: each carries one call at a time. */
export interface Connections {
  /** Starts the call on the connection that was used last, on a new one, or as soon as one is free. */
  insert(user: ConnectionUser): void;
  /** Takes back a connection whose call got its whole answer, and gives it to who waits. */
  release(client: Client): void;
  /** Ends the connection of a call that got no whole answer, or (`null`) the waiting of one that never had any. */
  delete(user: ConnectionUser, client: Client | null): void;
  close(): Promise<void>;
}

const ignore = (): void => {};

/**
 * Opens a stack of undici clients. undici's own Pool looks through all its connections twice per request, and connects
 * anew for a request that was aborted: 17.1 us of CPU per request against 13.3 here (32 at a time, Node 20).
 */
export function openConnections(origin: string, connectionsMax: number, options: Client.Options): Connections {
  const all = new Set<Client>();
  const free: Client[] = [];
  const waiting = new Set<ConnectionUser>();
  let closed = false;

  const drop = (client: Client): void => {
    if (all.delete(client)) client.destroy(null, ignore);
  };

  const openClient = (): Client => {
    const client = new Client(origin, options);
    all.add(client);
    // An idle connection that the upstream or the keep-alive time-out ended is not kept as an empty shell.
    client.on("disconnect", () => {
      const index = free.indexOf(client);
      if (index < 0) return;
      free.splice(index, 1);
      drop(client);
    });
    return client;
  };

  const startNext = (client: Client): boolean => {
    for (const user of waiting) {
      waiting.delete(user);
      user.start(client);
      return true;
    }
    return false;
  };

  return {
    insert(user) {
      if (closed) user.refuse();
      else if (free.length > 0) user.start(free.pop() as Client);
      else if (all.size < connectionsMax) user.start(openClient());
      else waiting.add(user);
    },
    release(client) {
      if (!all.has(client) || startNext(client)) return;
      free.push(client);
    },
    delete(user, client) {
      waiting.delete(user);
      if (client === null) return;
      drop(client);
      if (!closed && waiting.size > 0 && all.size < connectionsMax) startNext(openClient());
    },
    async close() {
      closed = true;
      for (const user of waiting) user.refuse();
      waiting.clear();
      // Running calls learn of it through their own handlers, which delete their connection in turn.
      await Promise.all([...all].map((client) => client.destroy()));
      all.clear();
    },
  };
}
