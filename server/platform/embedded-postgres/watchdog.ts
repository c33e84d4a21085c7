import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { RunAs } from "./run-as.ts";

/*
 * Runs a program as the child of a shell that holds a pipe from this process. The kernel closes the pipe when this
 * process ends, also by kill -9; the shell then ends the program. Stopping on purpose is the same: close the pipe.
 *
 *   "$1"  what to do at the end of the pipe:
 *         fast: SIGINT, for PostgreSQL a fast shutdown, but SIGQUIT (immediate, see orphans.ts) until this process has said by a line
 *               that PostgreSQL is ready; after 5 s SIGQUIT, after 5 more SIGKILL. Each is sent again every 0.1 s, because a program
 *               that is just being started does not hear the first
 *         kill: SIGKILL for the whole process group, for work whose result is thrown away
 *   rest  the program
 *
 * The shell leads a process group of its own, so that a Ctrl-C in the terminal reaches node only, which then stops things in
 * order; and it ignores the signals that a person or a service manager might send to everything.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM PIPE
end=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- >&2 &
pid=$!
(
  cd /
  first=QUIT
  while read -r _; do first=INT; done <&3
  if [ "$end" = kill ]; then kill -KILL 0; fi
  i=0
  while [ $i -lt 50 ] && kill -$first "$pid"; do i=$((i+1)); sleep 0.1; done
  i=0
  while [ $i -lt 50 ] && kill -QUIT "$pid"; do i=$((i+1)); sleep 0.1; done
  kill -KILL "$pid"
) >/dev/null 2>&1 &
reader=$!
echo "$pid"
exec >/dev/null
wait "$pid"
code=$?
kill -KILL "$reader"
exit "$code"
`;

/** Longer than the shell's own escalation can take. */
const END_TIMEOUT_MS = 15_000;

/** NixOS has its tools in the last one; nothing else of the environment is handed on. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

export interface WatchedProcess {
  /** Of the program itself, not of the shell. */
  readonly pid: number;
  /** Resolves, never rejects, with how the program (or its watchdog) ended: `exit 0`, `signal 9`. */
  readonly ended: Promise<string>;
  /** Null while it runs, then what `ended` resolves with. */
  readonly end: () => string | null;
  /** Tells the watchdog that from now on the program is to be shut down in order. */
  handleReady(): void;
  /** Ends the program as `atEnd` says and resolves when it is gone. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts `command` under a watchdog: it does not outlive this process. Neither keeps the event loop alive.
 * @throws when the shell itself cannot be started.
 */
export async function startWatchedProcess(options: {
  command: readonly string[];
  cwd: string;
  runAs: RunAs;
  /** Gets what the program writes to its standard output and error. */
  outputFd: number;
  atEnd: "fast" | "kill";
  env?: Record<string, string>;
}): Promise<WatchedProcess> {
  const { runAs } = options;
  const shell = spawn(
    "/bin/sh",
    ["-c", SCRIPT, "tollgate-watchdog", options.atEnd, ...runAs.prefix, ...options.command],
    {
      cwd: options.cwd,
      detached: true,
      env: { PATH, LC_ALL: "C", ...options.env },
      stdio: ["pipe", "pipe", options.outputFd],
      ...runAs.credentials,
    },
  );
  let end: string | null = null;
  const ended = new Promise<string>((resolve) => {
    const finish = (how: string): void => {
      end = how;
      // A reader that outlived its shell (which somebody killed) still holds the pipe and must hear of the end.
      shell.stdin?.destroy();
      resolve(how);
    };
    shell.once("error", (error) => finish(error.message));
    shell.once("exit", (code, signal) => finish(parseEnd(code, signal)));
  });
  shell.stdin?.on("error", () => {}); // EPIPE: the shell is gone, which `exit` tells
  const pid = await readPid(shell);
  if (pid === null) throw new Error(`the watchdog could not be started: ${await ended}`);
  shell.unref();
  (shell.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return {
    pid,
    ended,
    end: () => end,
    handleReady: () => void shell.stdin?.write("ready\n"),
    async stop() {
      shell.ref();
      shell.stdin?.end();
      if (end !== null) return;
      const timeout = setTimeout(() => shell.kill("SIGKILL"), END_TIMEOUT_MS);
      await ended;
      clearTimeout(timeout);
    },
  };
}

async function readPid(shell: ChildProcess): Promise<number | null> {
  if (shell.stdout === null) return null;
  const lines = createInterface({ input: shell.stdout });
  try {
    for await (const line of lines) return Number(line);
    return null;
  } finally {
    lines.close();
    shell.stdout.destroy();
  }
}

/** A shell tells of a signal that ended its child by an exit code of 128 and its number. */
function parseEnd(code: number | null, signal: NodeJS.Signals | null): string {
  if (code === null) return `signal ${signal}`;
  return code > 128 ? `signal ${code - 128}` : `exit ${code}`;
}
