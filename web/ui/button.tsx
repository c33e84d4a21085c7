import type { ComponentProps } from "react";
import styles from "./button.module.css";
import { joinClasses } from "./join-classes.ts";

interface Look {
  variant?: "primary" | "secondary" | "ghost" | "danger";
  size?: "small" | "normal";
  /** Nothing but an icon is in it; then it needs an `aria-label`. */
  isIcon?: boolean;
}

/** The classes of a button, for links that look like one. */
export function makeButtonClass({ variant = "secondary", size = "normal", isIcon = false }: Look = {}): string {
  return joinClasses(styles["button"], styles[variant], size === "small" && styles["small"], isIcon && styles["icon"]);
}

/** A button. While `isBusy` it turns, and cannot be pressed again. */
export function Button({
  variant,
  size,
  isIcon,
  isBusy = false,
  className,
  children,
  disabled,
  type = "button",
  ...rest
}: ComponentProps<"button"> & Look & { isBusy?: boolean }) {
  return (
    <button
      {...rest}
      type={type === "submit" ? "submit" : "button"}
      disabled={disabled === true || isBusy}
      aria-busy={isBusy || undefined}
      className={joinClasses(
        makeButtonClass({
          ...(variant === undefined ? {} : { variant }),
          ...(size === undefined ? {} : { size }),
          ...(isIcon === undefined ? {} : { isIcon }),
        }),
        className,
      )}
    >
      {isBusy && <span className={styles["spinner"]} aria-hidden="true" />}
      {children}
    </button>
  );
}
