import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, type Inputs, type Outputs, parseFailure } from "../../app/api.ts";
import { formatCount } from "../../format/count.ts";
import { joinClasses } from "../../ui/join-classes.ts";
import { FailureNotice } from "../../ui/notice.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import type { KeySearch } from "../keys/key-search.ts";
import { describeEntry, parseMatch } from "./limit-words.ts";
import styles from "./limits.module.css";

type Preview = Outputs["limits"]["preview"];

/** How long somebody has stopped typing before the gateway is asked. */
const typingMs = 300;

/** Which keys a rule or a budget would touch, as the gateway finds them; asked anew with each change of the form. */
export function LimitPreview({
  input,
  scopes,
}: {
  input: Inputs["limits"]["preview"];
  scopes: readonly Readonly<Record<string, string | undefined>>[];
}) {
  const text = JSON.stringify(input);
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), typingMs);
    return () => clearTimeout(timer);
  }, [text]);
  const preview = useQuery(
    api.limits.preview.queryOptions(JSON.parse(settled) as Inputs["limits"]["preview"], {
      staleTime: 0,
      placeholderData: keepPreviousData,
    }),
  );
  const isUnfinished = preview.isError && [400, 422].includes(parseFailure(preview.error).status);
  if (preview.isError && !isUnfinished) {
    return (
      <FailureNotice
        error={preview.error}
        title="Which keys it touches is not known"
        onRetry={() => void preview.refetch()}
      />
    );
  }
  const isStale = text !== settled || preview.isFetching;
  return (
    <section
      className={joinClasses(styles["preview"], isStale && styles["stale"])}
      aria-label="Preview"
      aria-live="polite"
      aria-busy={isStale}
    >
      {isUnfinished ? (
        <p>Once the fields are filled in, the keys that it touches stand here.</p>
      ) : preview.data === undefined ? (
        <Skeleton width={140} />
      ) : (
        <Touched preview={preview.data} scopes={scopes} />
      )}
    </section>
  );
}

function Touched({
  preview,
  scopes,
}: {
  preview: Preview;
  scopes: readonly Readonly<Record<string, string | undefined>>[];
}) {
  const { keys, keys_total: total, complete, enforced } = preview;
  const search = findKeySearch(scopes);
  return (
    <>
      <p>
        <strong>
          Touches {complete ? "" : "at least "}
          {formatCount(total)} {total === 1 ? "key" : "keys"}
        </strong>
        {!complete && <small> of the newest 20,000</small>}
      </p>
      {total > 0 && (
        <p className={styles["names"]}>
          {keys.map(({ public_id: id, alias }) => (
            <Link key={id} to="/api-keys/$publicId" params={{ publicId: id }} target="_blank">
              {alias}
            </Link>
          ))}
          {total > keys.length && <span>and {formatCount(total - keys.length)} more</span>}
          {search !== null && (
            <Link to="/api-keys" search={search} target="_blank">
              See the keys
            </Link>
          )}
        </p>
      )}
      <Others title="Takes over from" others={preview.takes_over} />
      <Others title="Yields to" others={preview.yields_to} />
      {!enforced && <p>Rate rules are switched off in the config file: it counts for no call until they are on.</p>}
    </>
  );
}

/** Rules or budgets that count in place of this one, or the other way round. */
function Others({ title, others }: { title: string; others: Preview["takes_over"] }) {
  const rules = useQuery(api.rules.list.queryOptions({})).data?.rules ?? [];
  const budgets = useQuery(api.budgets.list.queryOptions({})).data?.budgets ?? [];
  if (others.length === 0) return null;
  const known = [...rules, ...budgets];
  return (
    <p>
      {title}{" "}
      {others
        .map(({ id, keys_total: total }) => {
          const entry = known.find((one) => one.id === id);
          return `${entry === undefined ? id : describeEntry(entry)} (${formatCount(total)} ${total === 1 ? "key" : "keys"})`;
        })
        .join("; ")}
    </p>
  );
}

/** The list of exactly the keys that scopes mean, where its filters can say so. */
function findKeySearch(scopes: readonly Readonly<Record<string, string | undefined>>[]): KeySearch | null {
  const search: KeySearch = {};
  for (const { api_key_public_id: key, owner_id: owner, tag_key: tag, tag_value: value, ...others } of scopes) {
    if (key !== undefined) {
      if (parseMatch(key) === "value") search.q = key;
    } else if (owner !== undefined && parseMatch(owner) === "value" && search.owner === undefined) {
      search.owner = owner;
    } else if (tag !== undefined && parseMatch(value ?? "") === "value" && search.tag === undefined) {
      search.tag = `${tag}=${value}`;
    } else if (Object.keys(others).length > 0 || owner !== undefined || tag !== undefined) {
      return null;
    }
  }
  return search;
}
