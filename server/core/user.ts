import type { UserRole } from "./plan.ts";

/** Somebody who may sign in. */
export interface User {
  id: string;
  name: string;
  /** Lower case. */
  email: string;
  role: UserRole;
  /** Name of a plan; see `findPlan`. */
  plan: string;
  /** Set: nothing of this user is let in, neither session nor key. */
  disabledAt: Date | null;
  createdAt: Date;
}
