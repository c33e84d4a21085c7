import { useActorName } from "../../app/session.ts";
import { formatInstant } from "../../format/time.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/page.tsx";
import type { IncidentView } from "./incident-list.tsx";

const actionWords = { none: "nothing", throttle: "slowed down", disable: "disabled" } as const;

function formatWhen(at: string | null): string {
  return at === null ? "–" : formatInstant(at);
}

/** Everything that is known of one incident. */
export function IncidentDialog({ incident, onClose }: { incident: IncidentView; onClose: () => void }) {
  const nameActor = useActorName();
  const { acted_at: actedAt } = incident;
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={incident.title}
      footer={
        <Button variant="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <Facts
        facts={[
          ...Object.entries(incident.facts),
          ["State", incident.state],
          ["Since", formatWhen(incident.opened_at)],
          ["Seen last", formatWhen(incident.seen_at)],
          ["Over since", formatWhen(incident.resolved_at)],
          ["Told", incident.announced ? "yes" : "not yet"],
          ["Done to the key", actedAt === null ? "nothing" : `${actionWords[incident.action]}, ${formatWhen(actedAt)}`],
          ["Looked after by", incident.acknowledged_by === null ? "nobody" : nameActor(incident.acknowledged_by)],
        ]}
      />
    </Dialog>
  );
}
