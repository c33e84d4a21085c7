import { useEffect, useState } from "react";
import type { Outputs } from "../../app/api.ts";

export type Call = Outputs["usage"]["events"]["events"][number];

/** As many as a page is still quick with. */
const liveMax = 200;

/** The state of the live tail. */
export type LiveState = "off" | "opening" | "live" | "lost";

/**
 * Calls as the gateway counts them, newest first; `skipped` were more than could be told. The browser connects again by
 * itself. A pause keeps what is there; going on begins anew.
 */
export function useLiveEvents(query: string, isOn: boolean): { calls: Call[]; skipped: number; state: LiveState } {
  const [calls, setCalls] = useState<Call[]>([]);
  const [skipped, setSkipped] = useState(0);
  const [state, setState] = useState<LiveState>("off");
  useEffect(() => {
    if (!isOn) {
      setState("off");
      return undefined;
    }
    setState("opening");
    setCalls([]);
    setSkipped(0);
    const source = new EventSource(`/admin/events/stream${query === "" ? "" : `?${query}`}`);
    source.addEventListener("open", () => setState("live"));
    source.addEventListener("error", () => setState(source.readyState === EventSource.CLOSED ? "lost" : "opening"));
    source.addEventListener("event", (message) => {
      const call = JSON.parse(message.data as string) as Call;
      setCalls((known) => (known.some(({ id }) => id === call.id) ? known : [call, ...known].slice(0, liveMax)));
    });
    source.addEventListener("skipped", (message) => {
      const { count } = JSON.parse(message.data as string) as { count: number };
      setSkipped((known) => known + count);
    });
    return () => source.close();
  }, [query, isOn]);
  return { calls, skipped, state };
}
