import { useEffect, useState } from "react";
import { TextInput } from "./field.tsx";

/** How long somebody has stopped typing before the text is told. */
const typingMs = 250;

/** A field that tells its text once somebody has stopped typing. */
export function TypedInput({
  label,
  placeholder,
  value,
  onSettled,
  isSearch = false,
}: {
  label: string;
  placeholder: string;
  value: string;
  onSettled: (text: string) => void;
  isSearch?: boolean;
}) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onSettled(text), typingMs);
    return () => clearTimeout(timer);
  });
  return (
    <TextInput
      type={isSearch ? "search" : "text"}
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => setText(event.target.value)}
      {...(isSearch ? { "data-search": true } : {})}
    />
  );
}
