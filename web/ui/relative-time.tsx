import { formatInstant, formatRelative } from "../format/time.ts";

/** When something was or will be, as people say it, with the instant as its title. */
export function RelativeTime({ at, none = "never" }: { at: string | null | undefined; none?: string }) {
  if (at == null) return <span>{none}</span>;
  return (
    <time dateTime={at} title={formatInstant(at)}>
      {formatRelative(at)}
    </time>
  );
}
