import { useEffect, useRef, useState } from "react";
import { useIsDark } from "../app/theme.ts";
import { Skeleton } from "../ui/skeleton.tsx";
import type { Plot, Series } from "./plot.ts";
import styles from "./time-chart.module.css";

const chartHeight = 150;

/**
 * Lines over time. The library that draws them loads with the first chart.
 *
 * @param props `times` in seconds since 1970. `undefined` while nothing has come yet.
 */
export function TimeChart({
  label,
  times,
  series,
  format,
  isStale = false,
}: {
  /** What a screen reader is told, with the last and the greatest value of each line. */
  label: string;
  times: readonly number[] | undefined;
  series: readonly Series[];
  format: (value: number) => string;
  isStale?: boolean;
}) {
  const element = useRef<HTMLDivElement>(null);
  const [draw, setDraw] = useState<{ open: (element: HTMLElement, plot: Plot, height: number) => () => void } | null>(
    null,
  );
  const isDark = useIsDark();
  useEffect(() => {
    let isGone = false;
    void import("./plot.ts").then(({ openPlot }) => {
      if (!isGone) setDraw({ open: openPlot });
    });
    return () => {
      isGone = true;
    };
  }, []);
  const isEmpty = series.every(({ values }) => values.every((value) => value === null));
  const drawn = JSON.stringify([times, series]);
  useEffect(() => {
    if (draw === null || element.current === null || times === undefined || isEmpty) return undefined;
    return draw.open(element.current, { times, series, format }, chartHeight);
    // `drawn` stands for the figures, which are new objects at each render.
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- see above
  }, [draw, drawn, isDark, isEmpty]);

  if (times === undefined) return <Skeleton width="100%" height={chartHeight} />;
  if (isEmpty) {
    return (
      <div className={styles["none"]} style={{ height: chartHeight }}>
        Nothing in this range
      </div>
    );
  }
  return (
    <div
      ref={element}
      role="img"
      aria-label={`${label}. ${series.map((one) => describe(one, format)).join(". ")}`}
      className={`${styles["chart"]} ${isStale ? styles["stale"] : ""}`}
      style={{ minHeight: chartHeight + 24 }}
    />
  );
}

function describe({ label, values }: Series, format: (value: number) => string): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return `${label}: nothing`;
  return `${label}: last ${format(last)}, at most ${format(Math.max(...known))}`;
}
