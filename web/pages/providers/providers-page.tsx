import { AdminsOnly } from "../../app/fallback-pages.tsx";
import { PageHeader, Stack } from "../../ui/page.tsx";
import { CredentialList } from "./credential-list.tsx";
import { HealthList } from "./health-list.tsx";
import { LocationList } from "./location-list.tsx";

export function ProvidersPage() {
  return (
    <AdminsOnly>
      <PageHeader
        title="Providers and credentials"
        tabTitle="Providers"
        description="How the providers do since each process started, and what they are called with."
      />
      <Stack>
        <HealthList />
        <CredentialList />
        <LocationList />
      </Stack>
    </AdminsOnly>
  );
}
