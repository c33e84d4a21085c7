import { useQuery } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { formatCount } from "../../format/count.ts";
import { Button } from "../../ui/button.tsx";
import { FailureNotice, Notice } from "../../ui/notice.tsx";

/** Whether the log is what was written. It reads the whole log, so only when somebody asks. */
export function ChainState() {
  const verdict = useQuery(api.audit.verify.queryOptions({}, { enabled: false }));
  const check = (
    <Button size="small" isBusy={verdict.isFetching} onClick={() => void verdict.refetch()}>
      Check the chain
    </Button>
  );
  if (verdict.isError) return <FailureNotice error={verdict.error} title="The chain could not be checked" />;
  if (verdict.data === undefined) {
    return (
      <Notice tone="neutral" title="Every entry holds the hash of the one before" action={check}>
        <p>A check reads the whole log and compares it with the checkpoint outside of the database.</p>
      </Notice>
    );
  }
  const { valid, entries, problem } = verdict.data;
  return valid ? (
    <Notice tone="good" title={`The chain is whole: ${formatCount(entries)} entries`} action={check} />
  ) : (
    <Notice tone="bad" title={`The log is not what was written, from entry ${problem?.seq ?? "?"} on`} action={check}>
      <p>{problem?.message}. Compare with a backup of the database.</p>
    </Notice>
  );
}
