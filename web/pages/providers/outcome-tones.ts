import type { Tone } from "../../ui/badge.tsx";
import type { CredentialView } from "./credential-dialog.tsx";

/** How it looks what a test of a credential found. */
export const outcomeTones: Readonly<Record<NonNullable<CredentialView["test_outcome"]>, Tone>> = {
  accepted: "good",
  rejected: "bad",
  failed: "warn",
};
