import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { PageHeader } from "../../ui/page.tsx";
import { CredentialList } from "./credential-list.tsx";
import { HealthList } from "./health-list.tsx";
import { LocationList } from "./location-list.tsx";
import styles from "./providers.module.css";

export function ProvidersPage() {
  return (
    <AdminsOnly>
      <PageHeader
        title="Providers and credentials"
        tabTitle="Providers"
        description="How the providers do since each process started, and what they are called with."
      />
      <div className={styles["stack"]}>
        <HealthList />
        <CredentialList />
        <LocationList />
      </div>
    </AdminsOnly>
  );
}
