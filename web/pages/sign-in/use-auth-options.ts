import { useQuery } from "@tanstack/react-query";
import { authCalls } from "../../app/auth-calls.ts";

/** What this gateway offers to people who are not signed in; `undefined` while it is not known. */
export function useAuthOptions() {
  return useQuery({ queryKey: ["auth", "options"], queryFn: authCalls.findOptions, staleTime: 30_000 }).data;
}
