import { type ReactNode, useEffect, useId } from "react";
import styles from "./page.module.css";
import { Skeleton } from "./skeleton.tsx";

/** The head of a page; also names the browser's tab. */
export function PageHeader({
  title,
  tabTitle,
  description,
  actions,
}: {
  title: ReactNode;
  tabTitle: string;
  description?: ReactNode;
  actions?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${tabTitle} · Tollgate`;
  }, [tabTitle]);
  return (
    <header className={styles["header"]}>
      <div>
        <h1>{title}</h1>
        {description !== undefined && <p>{description}</p>}
      </div>
      {actions !== undefined && <div className={styles["actions"]}>{actions}</div>}
    </header>
  );
}

/** A part of a page with a head of its own. */
export function Panel({ title, actions, children }: { title: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className={styles["panel"]} aria-labelledby={id}>
      <div className={styles["panelHead"]}>
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      <div className={styles["panelBody"]}>{children}</div>
    </section>
  );
}

/** Parts of a page, one below the other. */
export function Stack({ children }: { children: ReactNode }) {
  return <div className={styles["stack"]}>{children}</div>;
}

/** Figures in a row; `undefined` while they load. */
export function Stats({
  stats,
}: {
  stats: readonly { label: string; value: ReactNode | undefined; note?: ReactNode }[];
}) {
  return (
    <dl className={styles["stats"]}>
      {stats.map(({ label, value, note }) => (
        <div key={label} className={styles["stat"]}>
          <dt>{label}</dt>
          <dd>
            {value === undefined ? <Skeleton width={64} height={20} /> : value}
            {note !== undefined && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Names and values, one below the other. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={styles["facts"]}>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
