import { describe, expect, test } from "vitest";
import { makeConversation, makeOrder } from "../../../server/proxy/dispatch-order.ts";
import { makeTarget } from "../../support/scripted-request.ts";

const targets = Object.entries({ a: 6, b: 3, c: 1, spare: 0 }).map(([providerName, weight]) =>
  makeTarget("http://127.0.0.1:1", { providerName, weight }),
);

test("one conversation has one order; without one of its targets the others keep their places", () => {
  for (let count = 0; count < 200; count++) {
    const never = () => {
      throw new Error("a conversation leaves nothing to chance");
    };
    const order = makeOrder(targets, `key\n${count}`, never).map(({ providerName }) => providerName);
    expect(makeOrder(targets, `key\n${count}`, never).map(({ providerName }) => providerName)).toEqual(order);
    const [first] = order;
    const rest = targets.filter(({ providerName }) => providerName !== first);
    expect(makeOrder(rest, `key\n${count}`, never).map(({ providerName }) => providerName)).toEqual(order.slice(1));
  }
});

describe("a conversation", () => {
  const system = { role: "system", content: "Be brief." };
  const ask = (text: string) => ({ role: "user", content: text });
  const find = (json: Record<string, unknown>, publicId = "key") => makeConversation(publicId, { json });

  test("is the same while it goes on, and another for other words, keys and names", () => {
    const begun = find({ messages: [system, ask("Hello")] });
    expect(begun).not.toBeNull();
    expect(find({ messages: [system, ask("Hello"), { role: "assistant", content: "Hi" }, ask("More")] })).toBe(begun);
    expect(find({ messages: [system, ask("Hello!")] })).not.toBe(begun);
    expect(find({ messages: [system, ask("Hello")] }, "other")).not.toBe(begun);
  });

  test("is what the client calls it, where it does", () => {
    const named = find({ prompt_cache_key: "c1", messages: [ask("Hello")] });
    expect(find({ prompt_cache_key: "c1", messages: [ask("Other")] })).toBe(named);
    expect(find({ user: "c1", messages: [ask("Hello")] })).not.toBe(named);
    expect(find({ user: "u", messages: [ask("Hello")] })).toBe(find({ user: "u", messages: [] }));
  });

  test("is none where nothing tells", () => {
    expect(find({ input: "text" })).toBeNull();
    expect(find({ messages: [system] })).toBeNull();
    expect(find({ messages: [null, 3] })).toBeNull();
  });
});
