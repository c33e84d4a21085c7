import { listKeyRotations } from "../../../db/queries/list-key-rotations.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { type ApiKeyView, makeApiKeyView } from "../../core/api-key-view.ts";
import { overlapMaxMs } from "../../core/expiry.ts";
import type { AdminContext } from "../context.ts";

/** Renders keys, with the rotations that run. Asks PostgreSQL only where one may run. */
export async function listKeyViews(ctx: AdminContext, keys: readonly ApiKey[]): Promise<ApiKeyView[]> {
  const nowMs = ctx.clock.nowMs();
  // A minute for a clock that is not quite the database's.
  const sinceMs = nowMs - overlapMaxMs - 60_000;
  const rotated = keys.filter((key) => key.rotatedAt !== null && key.rotatedAt.getTime() > sinceMs);
  const rotations =
    rotated.length === 0
      ? null
      : await listKeyRotations(
          ctx.database.sql,
          rotated.map((key) => key.publicId),
        );
  return keys.map((key) => makeApiKeyView(key, nowMs, rotations?.get(key.publicId) ?? null));
}

/** {@link listKeyViews} for one. */
export async function findKeyView(ctx: AdminContext, key: ApiKey): Promise<ApiKeyView> {
  const [view] = await listKeyViews(ctx, [key]);
  return view ?? makeApiKeyView(key, ctx.clock.nowMs());
}
