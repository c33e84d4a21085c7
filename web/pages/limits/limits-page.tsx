import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { PageHeader } from "../../ui/page.tsx";
import styles from "./limits.module.css";
import { RuleList } from "./rule-list.tsx";
import { WindowList } from "./window-list.tsx";

export function LimitsPage() {
  return (
    <AdminsOnly>
      <PageHeader title="Limits" tabTitle="Limits" description="What is spent of each budget, and the rate rules." />
      <div className={styles["stack"]}>
        <WindowList />
        <RuleList />
      </div>
    </AdminsOnly>
  );
}
