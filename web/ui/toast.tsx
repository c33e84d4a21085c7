import { useSyncExternalStore } from "react";
import { parseFailure } from "../app/api.ts";
import { Icon } from "./icon.tsx";
import { joinClasses } from "./join-classes.ts";
import styles from "./toast.module.css";

interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
}

const goodMs = 4_000;
const badMs = 9_000;

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function setToasts(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Says shortly that something was done. */
export function showToast(text: string, tone: Toast["tone"] = "good"): void {
  const id = ++last;
  setToasts([...toasts.slice(-3), { id, tone, text }]);
  setTimeout(() => setToasts(toasts.filter((toast) => toast.id !== id)), tone === "good" ? goodMs : badMs);
}

/** Says that something failed, where no field or place of its own shows it. */
export function showFailure(error: unknown): void {
  showToast(parseFailure(error).message, "bad");
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where toasts stand; once, in the shell. */
export function ToastRegion() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className={styles["region"]} aria-live="polite" role="status">
      {shown.map((toast) => (
        <div key={toast.id} className={joinClasses(styles["toast"], styles[toast.tone])}>
          <Icon name={toast.tone === "good" ? "check" : "warning"} />
          {toast.text}
        </div>
      ))}
    </div>
  );
}
