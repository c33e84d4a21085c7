import { memo, type ReactNode, useEffect, useRef } from "react";
import styles from "./data-table.module.css";
import { Icon } from "./icon.tsx";
import { joinClasses } from "./join-classes.ts";
import { Skeleton } from "./skeleton.tsx";

export interface Column<Row> {
  id: string;
  header: string;
  render: (row: Row) => ReactNode;
  /** Numbers stand at the end. */
  align?: "start" | "end";
  /** `low` goes below 1,100 px of width, `medium` below 760. */
  priority?: "high" | "medium" | "low";
  isSortable?: boolean;
  /** Stays in sight where the table is wider than its place. */
  isPinned?: boolean;
}

export interface Sort {
  column: string;
  order: "asc" | "desc";
}

/**
 * A table: sortable heads, rows that can be ticked, skeletons while it loads, and what stands instead of no rows. Rows are
 * drawn anew only where they or `columns` are other objects than before.
 *
 * @param props `rows` is `undefined` while nothing has come yet. `isStale` greys rows that belong to an earlier question.
 */
export function DataTable<Row>({
  label,
  columns,
  rows,
  getId,
  sort,
  onSort,
  selected,
  onSelect,
  getRowLabel,
  isStale = false,
  empty,
  skeletonRows = 6,
}: {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[] | undefined;
  getId: (row: Row) => string;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (selected: ReadonlySet<string>) => void;
  /** What a screen reader calls a row's tick box. */
  getRowLabel?: (row: Row) => string;
  isStale?: boolean;
  empty?: ReactNode;
  skeletonRows?: number;
}) {
  const hasSelection = selected !== undefined && onSelect !== undefined;
  const ids = rows?.map(getId) ?? [];
  const isAllSelected = hasSelection && ids.length > 0 && ids.every((id) => selected.has(id));
  // One function for all renders, so that a tick draws one row anew and not all of them.
  const toggleNow = useRef<(id: string) => void>(() => undefined);
  const toggleRow = useRef((id: string) => toggleNow.current(id)).current;
  useEffect(() => {
    toggleNow.current = (id) => onSelect?.(toggle(selected ?? new Set(), id));
  });

  if (rows?.length === 0 && empty !== undefined) return <div className={styles["scroller"]}>{empty}</div>;
  return (
    // A region that scrolls must be reachable by keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- see above
    <section className={joinClasses(styles["scroller"], isStale && styles["stale"])} aria-label={label} tabIndex={0}>
      <table className={styles["table"]} aria-busy={rows === undefined || isStale}>
        <thead>
          <tr>
            {hasSelection && (
              <th className={styles["select"]} scope="col">
                <input
                  type="checkbox"
                  aria-label="Select all on this page"
                  checked={isAllSelected}
                  onChange={() => onSelect(new Set(isAllSelected ? [] : ids))}
                />
              </th>
            )}
            {columns.map((column) => (
              <th
                key={column.id}
                scope="col"
                className={makeCellClass(column)}
                aria-sort={sort?.column === column.id ? (sort.order === "asc" ? "ascending" : "descending") : undefined}
              >
                {column.isSortable === true && onSort !== undefined ? (
                  <SortHead column={column} sort={sort} onSort={onSort} />
                ) : (
                  column.header
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === undefined
            ? Array.from({ length: skeletonRows }, (_, row) => (
                <tr key={`loading-${row}`}>
                  {hasSelection && <td />}
                  {columns.map((column) => (
                    <td key={column.id} className={makeCellClass(column)}>
                      <Skeleton width={column.align === "end" ? 48 : 72 + ((row * 29) % 60)} />
                    </td>
                  ))}
                </tr>
              ))
            : rows.map((row) => {
                const id = getId(row);
                return (
                  <MemoRow
                    key={id}
                    id={id}
                    row={row}
                    columns={columns as readonly Column<unknown>[]}
                    isSelected={hasSelection ? selected.has(id) : undefined}
                    label={hasSelection ? (getRowLabel?.(row) ?? id) : ""}
                    onToggle={toggleRow}
                  />
                );
              })}
        </tbody>
      </table>
    </section>
  );
}

function makeCellClass({ align, priority, isPinned }: Pick<Column<never>, "align" | "priority" | "isPinned">): string {
  return joinClasses(
    align === "end" && styles["end"],
    priority !== undefined && styles[priority],
    isPinned === true && styles["pinned"],
  );
}

const MemoRow = memo(function TableRow({
  id,
  row,
  columns,
  isSelected,
  label,
  onToggle,
}: {
  id: string;
  row: unknown;
  columns: readonly Column<unknown>[];
  isSelected: boolean | undefined;
  label: string;
  onToggle: (id: string) => void;
}) {
  return (
    <tr aria-selected={isSelected}>
      {isSelected !== undefined && (
        <td className={styles["select"]}>
          <input type="checkbox" aria-label={`Select ${label}`} checked={isSelected} onChange={() => onToggle(id)} />
        </td>
      )}
      {columns.map((column) => (
        <td key={column.id} className={makeCellClass(column)}>
          {column.render(row)}
        </td>
      ))}
    </tr>
  );
});

function SortHead<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort: Sort | undefined;
  onSort: (sort: Sort) => void;
}) {
  const isSorted = sort?.column === column.id;
  const order = isSorted && sort.order === "desc" ? "asc" : "desc";
  return (
    <button
      type="button"
      className={joinClasses(styles["sort"], isSorted && styles["sorted"])}
      onClick={() => onSort({ column: column.id, order })}
    >
      {column.header}
      <Icon name={isSorted ? (sort.order === "asc" ? "up" : "down") : "sort"} size={12} />
    </button>
  );
}

function toggle(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}
