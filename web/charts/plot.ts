import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./plot.css";

export interface Series {
  label: string;
  /** One for each time; `null`: nothing was measured. */
  values: readonly (number | null)[];
  /** 1 to 6: a colour of the tokens. */
  color: 1 | 2 | 3 | 4 | 5 | 6;
  /** Dashed and faint: the range before. */
  isPrevious?: boolean;
}

export interface Plot {
  /** Seconds since 1970, ascending. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
}

/** Up to so many values are marked one by one. */
const pointsMax = 12;
const dayS = 86_400;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** The day at its beginning, the time within it; days alone where they are a day apart or more. */
function formatTicks(seconds: readonly number[]): string[] {
  const isDaily = (seconds[1] ?? 0) - (seconds[0] ?? 0) >= dayS;
  return seconds.map((at) => {
    const date = new Date(at * 1_000);
    const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
    return (isDaily || isMidnight ? day : clock).format(date);
  });
}

function findColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draws into an element with the colours of the theme that is shown now. @returns what takes it away again */
export function openPlot(element: HTMLElement, { times, series, format }: Plot, height: number): () => void {
  const muted = findColor("--muted");
  const line = findColor("--line");
  const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const plot = new UPlot(
    {
      width: Math.max(200, element.clientWidth),
      height,
      padding: [8, 20, 0, 0],
      cursor: { points: { size: 6 }, drag: { x: false, y: false }, y: false },
      legend: { live: true },
      scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 28, space: 64, values: (_plot, values) => formatTicks(values) },
        { ...axis, size: 58, values: (_plot, values) => values.map(format) },
      ],
      series: [
        {
          value: (_plot, value) =>
            value == null
              ? ""
              : new Date(value * 1_000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }),
        },
        ...series.map(({ label, color, values, isPrevious = false }) => {
          const stroke = findColor(`--series-${color}`);
          return {
            label,
            stroke,
            width: isPrevious ? 1 : 1.75,
            ...(isPrevious ? { dash: [4, 4], alpha: 0.7 } : {}),
            ...(series.length === 1 && !isPrevious ? { fill: `${stroke}22` } : {}),
            // A value between two gaps is no line.
            points: { show: values.filter((value) => value !== null).length <= pointsMax, size: 5, fill: stroke },
            value: (_plot: UPlot, value: number | null) => (value == null ? "–" : format(value)),
          };
        }),
      ],
    },
    [[...times], ...series.map(({ values }) => [...values])],
    element,
  );
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(200, element.clientWidth), height }));
  observer.observe(element);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}
