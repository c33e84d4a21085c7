import { type FormEvent, type ReactNode, useEffect } from "react";
import { Brand } from "../../app/brand.tsx";
import styles from "./sign-in.module.css";

/** The page of somebody who is not signed in: one card with one form. */
export function SignInLayout({
  title,
  lead,
  children,
  foot,
  onSubmit,
}: {
  title: string;
  lead?: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
  onSubmit?: () => void;
}) {
  useEffect(() => {
    document.title = `${title} · Tollgate`;
  }, [title]);
  return (
    <main className={styles["page"]}>
      <div className={styles["column"]}>
        <div className={styles["brand"]}>
          <Brand />
        </div>
        <div className={styles["card"]}>
          <h1>{title}</h1>
          {lead !== undefined && <p className={styles["lead"]}>{lead}</p>}
          {onSubmit === undefined ? (
            <div className={styles["form"]}>{children}</div>
          ) : (
            <form
              className={styles["form"]}
              noValidate
              onSubmit={(event: FormEvent) => {
                event.preventDefault();
                onSubmit();
              }}
            >
              {children}
            </form>
          )}
        </div>
        {foot !== undefined && <p className={styles["foot"]}>{foot}</p>}
      </div>
    </main>
  );
}
