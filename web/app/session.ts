import { useSuspenseQuery } from "@tanstack/react-query";
import { api, type Outputs, queryClient } from "./api.ts";
import { authCalls } from "./auth-calls.ts";

export type SessionView = Outputs["session"]["get"];
export type SessionUser = NonNullable<SessionView["user"]>;

export const sessionQuery = () => api.session.get.queryOptions({}, { staleTime: 60_000 });

/** Who is signed in. Only below the shell, which does not show without one. */
export function useSession(): { user: SessionUser; plan: SessionView["plan"]; keyCount: number; isAdmin: boolean } {
  const { data } = useSuspenseQuery(sessionQuery());
  if (data.user === null) throw new Error("the shell shows for users only");
  return { user: data.user, plan: data.plan, keyCount: data.key_count, isAdmin: data.user.role === "admin" };
}

/** An actor as the gateway writes it, `user:ID` or `key:ID`, with whoever looks called "you". */
export function useActorName(): (actor: string) => string {
  const { user } = useSession();
  return (actor) => (actor === `user:${user.id}` ? "you" : actor);
}

/** Ends the session, and forgets everything that was loaded in it. A whole new page leaves nothing in memory. */
export async function signOut(): Promise<void> {
  await authCalls.signOut();
  queryClient.clear();
  location.assign("/sign-in");
}
