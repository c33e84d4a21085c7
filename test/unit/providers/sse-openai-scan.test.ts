import { describe, expect, it } from "vitest";
import { SseOpenAiScan } from "../../../server/providers/sse-openai-scan.ts";

describe("the scan", () => {
  it("counts the bytes of the output's texts and no keys", () => {
    const scan = new SseOpenAiScan({ outputField: "delta", dropUsageOnly: true });
    scan.push(Buffer.from('data: {"choices":[{"delta":{"role":"as","content":"你 \\"x\\""}}]}\n\n'));
    expect(scan.outputBytes).toBe(2 + 4 + 5);
    scan.push(
      Buffer.from('data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments" : "{\\"delta\\":1}"}}]}}]}\n\n'),
    );
    expect(scan.outputBytes).toBe(11 + 13);
    const completions = new SseOpenAiScan({ outputField: "text", dropUsageOnly: true });
    completions.push(Buffer.from('data: {"choices":[{"text": "abc","text_offset":[1]},{"text":null}]}\n\n'));
    expect(completions.outputBytes).toBe(3);
  });

  it("keeps the text of the error", () => {
    const scan = new SseOpenAiScan({ outputField: "delta", dropUsageOnly: true });
    scan.push(Buffer.from('data: {"error":{"message":"ö"}}\r\n\r\n'));
    expect(scan.errorText).toBe('{"message":"ö"}');
  });

  it("overflows where an event is too long", () => {
    const scan = new SseOpenAiScan({ outputField: "delta", dropUsageOnly: true, eventBytesMax: 16 });
    expect(String(scan.push(Buffer.from("data: a\n\ndata: 0123456789abcdef")))).toBe("data: a\n\n");
    expect(scan.push(Buffer.from("\n\n"))).toBe("sse_overflow");
    expect(scan.end()).toBe("sse_overflow");
  });
});
