/** Strokes on a grid of 16. */
const shapes = {
  key: "M10.5 2.5a3 3 0 1 1-2.2 5.1L3.5 12.4v1.1h2v-1.6h1.6v-1.6l1.2-1.2",
  chart: "M2.5 13.5h11M4.5 11V7.5M8 11V3.5M11.5 11V6",
  pulse: "M1.8 8h2.7l2-5 3 10 2-5h2.7",
  bolt: "M8.8 1.8 3.5 9h4l-.6 5.2L12.4 7h-4z",
  users:
    "M6 7.5a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8ZM1.8 13.2a4.2 4.2 0 0 1 8.4 0M10.6 3a2.3 2.3 0 0 1 0 4.3M11.8 9.4a4 4 0 0 1 2.4 3.8",
  gauge: "M2.6 12.2a6 6 0 1 1 10.8 0M8 9.4l2.8-3",
  tag: "M2.5 2.5h5l6 6-5 5-6-6zM5.3 5.3h.01",
  plug: "M5.5 2v3M10.5 2v3M4 5h8v2.5a4 4 0 0 1-8 0zM8 11.5V14",
  bell: "M4 11.2V7a4 4 0 0 1 8 0v4.2l1.2 1.3H2.8zM6.6 14h2.8",
  send: "M14 2 1.8 6.6l5 2.6zM14 2 9.4 14.2l-2.6-5",
  stack: "M8 2 2 5l6 3 6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
  list: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
  gear: "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM8 1.8v1.6M8 12.6v1.6M3.6 3.6l1.1 1.1M11.3 11.3l1.1 1.1M1.8 8h1.6M12.6 8h1.6M3.6 12.4l1.1-1.1M11.3 4.7l1.1-1.1",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.4 10.4l3.1 3.1",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5l3.2 3L13 4.5",
  warning: "M8 2.2 1.8 13h12.4zM8 6.5v3M8 11.4h.01",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  sort: "M5 6.2 8 3.4l3 2.8M5 9.8l3 2.8 3-2.8",
  left: "M10 4 6 8l4 4",
  right: "M6 4l4 4-4 4",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5M13.2 2.4v2.8h-2.8",
  out: "M6.5 2.5h-4v11h4M9.5 5l3 3-3 3M12.5 8h-7",
  external: "M6 3H3v10h10v-3M9 3h4v4M13 3 7.5 8.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2v9.6l7.5-4.8z",
  download: "M8 2.5v7.5M4.8 7.2 8 10.4l3.2-3.2M2.5 13.5h11",
  trash: "M3 4.5h10M6 4.5v-2h4v2M4.2 4.5l.6 9h6.4l.6-9",
} as const;

export type IconName = keyof typeof shapes;

/** A picture beside words; it says nothing to a screen reader. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "more" ? 2.4 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={shapes[name]} />
    </svg>
  );
}
