/** Where a command reads and writes; a test gives its own. */
export interface CliIo {
  env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  error(text: string): void;
  /** Of the terminal; none where the output is no terminal. */
  columns?: number | undefined;
  /** All of standard input. */
  readInput?(): Promise<string>;
}

/** A failure that the command has already explained; only the exit code is left. */
export class CliFailure extends Error {
  override readonly name = "CliFailure";
  readonly exitCode: number;

  constructor(exitCode: number, message = "") {
    super(message);
    this.exitCode = exitCode;
  }
}

/** `--json`: one JSON document, indented. */
export function writeJson(io: CliIo, value: unknown): void {
  io.out(`${JSON.stringify(value, null, 2)}\n`);
}
