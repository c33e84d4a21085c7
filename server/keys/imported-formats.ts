import type { Database } from "../../db/client.ts";
import { listImportedFormats } from "../../db/queries/list-imported-formats.ts";
import type { ImportFormat } from "../core/api-key.ts";

const retryMs = 1_000;

/**
 * Of which formats this deployment has imported keys, so that where there are none a foreign text costs no look-up. It
 * only ever grows while the process runs.
 */
export class ImportedFormats {
  readonly #database: Database;
  readonly #known = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  has(format: ImportFormat): boolean {
    return this.#known.has(format);
  }

  /** Keys of the format were imported; `null`: keys of any may have been, unheard. */
  notice(format: string | null): void {
    if (format !== null) this.#known.add(format);
    else void this.#reload();
  }

  /** @throws when PostgreSQL does not answer. */
  async load(): Promise<void> {
    for (const format of await listImportedFormats(this.#database.sql)) this.#known.add(format);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #reload(): Promise<void> {
    if (this.#timer !== null || this.#closed) return;
    try {
      await this.load();
    } catch {
      if (this.#closed) return;
      this.#timer = setTimeout(() => {
        this.#timer = null;
        void this.#reload();
      }, retryMs);
      this.#timer.unref();
    }
  }
}
