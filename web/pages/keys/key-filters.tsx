import { Button } from "../../ui/button.tsx";
import { Select } from "../../ui/field.tsx";
import { Icon } from "../../ui/icon.tsx";
import { TypedInput } from "../../ui/typed-input.tsx";
import { type KeySearch, keyAdvices, keyStates, keyTypes } from "./key-search.ts";
import styles from "./keys.module.css";

const adviceNames: Record<(typeof keyAdvices)[number], string> = {
  rotate: "Should be rotated",
  unused: "Stale: unused for 90 days",
  origins_changed: "Origins changed",
};

/** Search and filters; each change is a new view, from its first page. */
export function KeyFilters({
  search,
  onChange,
  isAdmin,
}: {
  search: KeySearch;
  onChange: (change: KeySearch) => void;
  isAdmin: boolean;
}) {
  const hasFilter = ["q", "state", "type", "advice", "owner", "tag"].some((name) => name in search);
  return (
    <div className={styles["bar"]} role="search">
      <div className={styles["search"]}>
        <Icon name="search" />
        <TypedInput
          isSearch
          label="Search keys"
          placeholder="Alias, public id, name …"
          value={search.q ?? ""}
          onSettled={(q) => onChange({ ...search, q })}
        />
      </div>
      <Select
        className={styles["filter"]}
        aria-label="State"
        value={search.state ?? ""}
        onChange={(event) => onChange({ ...search, state: event.target.value as "active" })}
        options={[["", "Any state"], ...keyStates.map((state) => [state, state] as const)]}
      />
      <Select
        className={styles["filter"]}
        aria-label="Type"
        value={search.type ?? ""}
        onChange={(event) => onChange({ ...search, type: event.target.value as "client" })}
        options={[["", "Any type"], ...keyTypes.map((type) => [type, type] as const)]}
      />
      <Select
        className={styles["filter"]}
        aria-label="Advice"
        value={search.advice ?? ""}
        onChange={(event) => onChange({ ...search, advice: event.target.value as "rotate" })}
        options={[["", "Any advice"], ...keyAdvices.map((advice) => [advice, adviceNames[advice]] as const)]}
      />
      <div className={styles["filter"]}>
        <TypedInput
          label="Tag, as NAME=VALUE"
          placeholder="tag=value"
          value={search.tag ?? ""}
          onSettled={(tag) => onChange({ ...search, tag })}
        />
      </div>
      {isAdmin && (
        <div className={styles["filter"]}>
          <TypedInput
            label="Owner's id"
            placeholder="owner id"
            value={search.owner ?? ""}
            onSettled={(owner) => onChange({ ...search, owner })}
          />
        </div>
      )}
      {hasFilter && (
        <Button variant="ghost" onClick={() => onChange({})}>
          Clear
        </Button>
      )}
    </div>
  );
}
