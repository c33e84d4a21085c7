import styles from "./skeleton.module.css";

/** Stands where something will be, in its size, while that loads. Pixels. */
export function Skeleton({ width, height = 11 }: { width: number | string; height?: number }) {
  return <span className={styles["skeleton"]} style={{ width, height, maxWidth: "100%" }} aria-hidden="true" />;
}
