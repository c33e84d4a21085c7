import type postgres from "postgres";

/**
 * A statement whose shape depends on the question: text that the product wrote, and the values that its `$1, $2, …` stand
 * for. It runs without a name, so that PostgreSQL plans it for these values and keeps nothing of it.
 */
export class Statement {
  readonly #values: (string | number | null)[] = [];

  /** The placeholder of a value. The type is PostgreSQL's; instants go as text. */
  value(value: string | number | null, type: string): string {
    this.#values.push(value);
    return `$${this.#values.length}::${type}`;
  }

  /** The placeholder of a list of texts, as an array. */
  list(values: readonly (string | null)[], type = "text"): string {
    const json = this.value(JSON.stringify(values), "jsonb");
    return `array(select v::${type} from jsonb_array_elements_text(${json}) with ordinality as t (v, n) order by n)`;
  }

  async run<Row extends object>(transaction: postgres.ISql, text: string): Promise<Row[]> {
    return await transaction.unsafe<Row[]>(text, this.#values);
  }
}
