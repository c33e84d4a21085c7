import type { UpstreamFailure, UpstreamSink } from "../../server/providers/types.ts";

/** A sink that keeps what it is told and lets a test wait for its end. */
export interface ScriptedSink extends UpstreamSink {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  chunks: Buffer[];
  failure: UpstreamFailure | null;
  /** Names of all calls, in order. */
  calls: string[];
  /** Resolves to how the attempt ended, after so many milliseconds. */
  ended: Promise<{ end: "end" | UpstreamFailure["kind"]; afterMs: number }>;
  text(): string;
}

/** Makes a sink; `hooks` run after the recording. */
export function makeScriptedSink(hooks: Partial<UpstreamSink> = {}): ScriptedSink {
  const startedMs = performance.now();
  let finish: (value: { end: "end" | UpstreamFailure["kind"]; afterMs: number }) => void = () => {};
  const ended = new Promise<{ end: "end" | UpstreamFailure["kind"]; afterMs: number }>((resolve) => {
    finish = resolve;
  });
  const sink: ScriptedSink = {
    status: 0,
    headers: {},
    chunks: [],
    failure: null,
    calls: [],
    ended,
    text: () => Buffer.concat(sink.chunks).toString(),
    onHead(status, headers) {
      sink.calls.push("head");
      sink.status = status;
      sink.headers = headers;
      hooks.onHead?.(status, headers);
    },
    onData(chunk) {
      sink.calls.push("data");
      sink.chunks.push(chunk);
      hooks.onData?.(chunk);
    },
    onEnd() {
      sink.calls.push("end");
      finish({ end: "end", afterMs: performance.now() - startedMs });
      hooks.onEnd?.();
    },
    onFailure(failure) {
      sink.calls.push("failure");
      sink.failure = failure;
      finish({ end: failure.kind, afterMs: performance.now() - startedMs });
      hooks.onFailure?.(failure);
    },
  };
  return sink;
}
