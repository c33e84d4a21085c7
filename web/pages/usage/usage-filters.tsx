import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { Checkbox, Select } from "../../ui/field.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TypedInput } from "../../ui/typed-input.tsx";
import { type UsageRange, usageRanges } from "../key/usage-range.ts";
import styles from "./usage.module.css";
import { type UsageMetric, type UsageSearch, usageGroups, usageMetrics } from "./usage-search.ts";

/** The question: range, group, measure and filters. */
export function UsageFilters({
  search,
  range,
  by,
  metric,
  isAdmin,
  onChange,
}: {
  search: UsageSearch;
  range: UsageRange;
  by: string;
  metric: UsageMetric;
  isAdmin: boolean;
  onChange: (search: { [Name in keyof UsageSearch]?: UsageSearch[Name] | undefined }) => void;
}) {
  const groups = Object.entries(usageGroups).filter(([name]) => isAdmin || name !== "owner");
  const [isTag, setTag] = useState(by.startsWith("tag:"));
  return (
    <div role="search">
      <div className={styles["bar"]}>
        <Segments
          label="Range"
          value={range}
          onChange={(next) => onChange({ ...search, range: next })}
          options={(Object.keys(usageRanges) as UsageRange[]).map((name) => [name, usageRanges[name].label] as const)}
        />
        <Segments
          label="Measure"
          value={metric}
          onChange={(next) => onChange({ ...search, metric: next })}
          options={Object.entries(usageMetrics) as [UsageMetric, string][]}
        />
        <Checkbox
          label="Compare with before"
          checked={search.compare === true}
          onChange={(event) => onChange({ ...search, compare: event.target.checked ? true : undefined })}
        />
      </div>
      <div className={styles["bar"]}>
        <Select
          className={styles["field"]}
          aria-label="Group by"
          value={isTag ? "tag" : by}
          onChange={({ target: { value } }) => {
            setTag(value === "tag");
            onChange({ ...search, by: value === "tag" ? "tag:customer_id" : value });
          }}
          options={[
            ...groups.map(([name, { label }]) => [name, `By ${label.toLowerCase()}`] as const),
            ["tag", "By customer or another tag"] as const,
          ]}
        />
        {isTag && (
          <div className={styles["field"]}>
            <TypedInput
              label="Name of the key-bound tag"
              placeholder="customer_id"
              value={by.startsWith("tag:") ? by.slice(4) : ""}
              onSettled={(name) => onChange({ ...search, by: name === "" ? undefined : `tag:${name}` })}
            />
          </div>
        )}
        <div className={styles["field"]}>
          <TypedInput
            label="Public id of a key"
            placeholder="key"
            value={search.key ?? ""}
            onSettled={(key) => onChange({ ...search, key })}
          />
        </div>
        <div className={styles["field"]}>
          <TypedInput
            label="Model"
            placeholder="model"
            value={search.model ?? ""}
            onSettled={(model) => onChange({ ...search, model })}
          />
        </div>
        <div className={styles["field"]}>
          <TypedInput
            label="Status, like 429 or 5xx"
            placeholder="status"
            value={search.status ?? ""}
            onSettled={(status) => onChange({ ...search, status })}
          />
        </div>
        <div className={styles["field"]}>
          <TypedInput
            label="Tag, as NAME=VALUE"
            placeholder="tag=value"
            value={search.tag ?? ""}
            onSettled={(tag) => onChange({ ...search, tag })}
          />
        </div>
        {["key", "model", "status", "tag"].some((name) => name in search) && (
          <Button
            variant="ghost"
            onClick={() => onChange({ ...search, key: undefined, model: undefined, status: undefined, tag: undefined })}
          >
            Clear
          </Button>
        )}
      </div>
    </div>
  );
}
