import { useEffect, useRef } from "react";

/** How long the second key of a pair like `g k` may take. */
const pairMs = 1_200;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/**
 * Calls back on keys that are pressed outside of fields and dialogs: `c`, `/`, pairs like `g k`, and `mod+k` (Ctrl or ⌘)
 * everywhere.
 */
export function useShortcuts(shortcuts: Readonly<Record<string, () => void>>): void {
  const current = useRef(shortcuts);
  current.current = shortcuts;
  useEffect(() => {
    let first: string | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const handle = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.altKey || event.isComposing) return;
      const isModified = event.ctrlKey || event.metaKey;
      const key = isModified ? `mod+${event.key.toLowerCase()}` : event.key;
      if (!isModified && (isTyping(event.target) || document.querySelector('[role="dialog"]') !== null)) return;
      const name = first === null ? key : `${first} ${key}`;
      first = key === "g" && !isModified ? "g" : null;
      clearTimeout(timer);
      timer = setTimeout(() => {
        first = null;
      }, pairMs);
      const run = current.current[name];
      if (run === undefined) return;
      event.preventDefault();
      first = null;
      run();
    };
    document.addEventListener("keydown", handle);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("keydown", handle);
    };
  }, []);
}
