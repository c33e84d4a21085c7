import { Dialog as Base } from "@base-ui/react/dialog";
import { type FormEvent, type ReactNode, useRef } from "react";
import { Button } from "./button.tsx";
import styles from "./dialog.module.css";
import { Icon } from "./icon.tsx";
import { joinClasses } from "./join-classes.ts";

const firstField = "input:not([type=radio], [type=checkbox]), select, textarea, button";

/** A dialog over the page: keeps the keyboard inside, closes with Escape, gives the focus back. With `onSubmit` it is a form. */
export function Dialog({
  isOpen,
  onClose,
  title,
  description,
  children,
  footer,
  isWide = false,
  onSubmit,
}: {
  isOpen: boolean;
  /** Asked for by Escape, the cross and a press beside it; the owner decides. */
  onClose: () => void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  isWide?: boolean;
  onSubmit?: () => void;
}) {
  const body = useRef<HTMLDivElement>(null);
  // The first field, not the cross that closes it all.
  const findFirst = (): HTMLElement | true => body.current?.querySelector<HTMLElement>(firstField) ?? true;
  const inside = (
    <>
      <header className={styles["head"]}>
        <div>
          <Base.Title className={styles["title"]}>{title}</Base.Title>
          {description !== undefined && (
            <Base.Description className={styles["description"]} render={<div />}>
              {description}
            </Base.Description>
          )}
        </div>
        <Button variant="ghost" size="small" isIcon aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </Button>
      </header>
      <div ref={body} className={styles["body"]}>
        {children}
      </div>
      {footer !== undefined && <footer className={styles["foot"]}>{footer}</footer>}
    </>
  );
  const className = joinClasses(styles["popup"], isWide && styles["wide"]);
  return (
    <Base.Root
      open={isOpen}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className={styles["backdrop"]} />
        {onSubmit === undefined ? (
          <Base.Popup className={className} initialFocus={findFirst}>
            {inside}
          </Base.Popup>
        ) : (
          <Base.Popup
            className={className}
            initialFocus={findFirst}
            render={
              <form
                noValidate
                onSubmit={(event: FormEvent) => {
                  event.preventDefault();
                  onSubmit();
                }}
              />
            }
          >
            {inside}
          </Base.Popup>
        )}
      </Base.Portal>
    </Base.Root>
  );
}
