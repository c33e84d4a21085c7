import { useState } from "react";
import { parseFailure } from "../../app/api.ts";
import { callGateway } from "../../app/auth-calls.ts";
import { findNowMs } from "../../app/clock.ts";
import { formatMs } from "../../format/count.ts";
import { Button } from "../../ui/button.tsx";
import { TextInput } from "../../ui/field.tsx";
import styles from "./form/key-form.module.css";

interface Answer {
  choices?: { message?: { content?: string } }[];
}

/** One real call with the new key, from this page. It is metered like any other. */
export function TryKey({ secret, initialModel }: { secret: string; initialModel: string }) {
  const [model, setModel] = useState(initialModel);
  const [said, setSaid] = useState<{ isGood: boolean; text: string } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const call = async (): Promise<void> => {
    setBusy(true);
    const startedMs = findNowMs();
    try {
      const answer = await callGateway<Answer>(
        "POST",
        "/v1/chat/completions",
        { model, messages: [{ role: "user", content: "Hello from the dashboard!" }], max_tokens: 64 },
        { authorization: `Bearer ${secret}` },
      );
      const text = answer.choices?.[0]?.message?.content ?? "";
      setSaid({ isGood: true, text: `200 in ${formatMs(findNowMs() - startedMs)}: ${text.slice(0, 200)}` });
    } catch (error) {
      const { status, code, message } = parseFailure(error);
      setSaid({ isGood: false, text: `${status} ${code}: ${message}` });
    }
    setBusy(false);
  };
  return (
    <div className={styles["try"]}>
      <TextInput
        isMono
        aria-label="Model to try"
        style={{ width: 220 }}
        value={model}
        onChange={(event) => setModel(event.target.value)}
      />
      <Button isBusy={isBusy} onClick={() => void call()}>
        Try it
      </Button>
      <output style={{ color: said?.isGood === false ? "var(--bad)" : "var(--good)" }}>{said?.text}</output>
    </div>
  );
}
