import Table from "cli-table3";

const noBorders = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Text from a database could move the cursor or fake output. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
}

export interface Column<Row> {
  title: string;
  read(row: Row): string | number | null | undefined;
  /** Numbers stand on the right. */
  right?: boolean;
}

/** Rows under their titles, without lines, so that it pastes well. An absent value is a dash. */
export function makeTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const table = new Table({
    head: columns.map((column) => column.title),
    chars: noBorders,
    colAligns: columns.map((column) => (column.right === true ? "right" : "left")),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) {
    table.push(
      columns.map((column) => {
        const value = column.read(row);
        return value === null || value === undefined || value === "" ? "-" : clean(String(value));
      }),
    );
  }
  return `${table.toString().replace(/(?<![ \t])[ \t]+$/gm, "")}\n`;
}

/** One thing: a line for each of its properties. */
export function makePropertyTable(properties: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...properties.map(([name]) => name.length));
  return properties.map(([name, value]) => `${name.padEnd(width)}  ${value === "" ? "-" : clean(value)}\n`).join("");
}
