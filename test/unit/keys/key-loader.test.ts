import { describe, expect, it } from "vitest";
import type { PublicId } from "../../../server/core/api-key.ts";
import { KeyLoader, KeyLoaderOverload, type Loaded } from "../../../server/keys/key-loader.ts";

const publicId = (text: string): PublicId => text as PublicId;
type Answer = Map<string, Loaded<string>>;

function openFixture(waitingMax = 1_000) {
  const reads: { digests: readonly string[]; answer(found: Answer): void; fail(error: Error): void }[] = [];
  let arrived: (() => void) | null = null;
  const loader = new KeyLoader<string>(
    {
      read: (digests) =>
        new Promise((resolve, reject) => {
          reads.push({ digests, answer: resolve, fail: reject });
          arrived?.();
        }),
      intervalMs: 1,
      batchMax: 3,
      waitingMax,
    },
    () => performance.now(),
  );
  const nextRead = async (index: number) => {
    while (reads.length <= index) await new Promise<void>((resolve) => (arrived = resolve));
    return reads[index] as (typeof reads)[number];
  };
  return { loader, reads, nextRead };
}

describe("KeyLoader", () => {
  it("reads a digest once for all who ask at the same time", async () => {
    const { loader, reads, nextRead } = openFixture();
    const answers = [loader.load("a"), loader.load("a"), loader.load("a")];
    (await nextRead(0)).answer(new Map([["a", { publicId: publicId("k"), value: "key" }]]));
    expect((await Promise.all(answers)).map((answer) => answer?.value)).toEqual(["key", "key", "key"]);
    expect(reads).toHaveLength(1);
  });

  it("puts different digests in one read, up to the batch's size", async () => {
    const { loader, nextRead } = openFixture();
    const answers = ["a", "b", "c", "d"].map((digest) => loader.load(digest));
    const first = await nextRead(0);
    expect(first.digests).toEqual(["a", "b", "c"]);
    first.answer(new Map());
    const second = await nextRead(1);
    expect(second.digests).toEqual(["d"]);
    second.answer(new Map());
    expect(await Promise.all(answers)).toEqual([null, null, null, null]);
  });

  it("does not trust an answer for a key that changed while it was read", async () => {
    const { loader, nextRead } = openFixture();
    const answer = loader.load("a");
    const first = await nextRead(0);
    loader.noticeChange("k");
    first.answer(new Map([["a", { publicId: publicId("k"), value: "old" }]]));
    (await nextRead(1)).answer(new Map([["a", { publicId: publicId("k"), value: "new" }]]));
    expect((await answer)?.value).toBe("new");
  });

  it("reads an unknown digest again when any key changed meanwhile", async () => {
    const { loader, nextRead } = openFixture();
    const answer = loader.load("a");
    const first = await nextRead(0);
    loader.noticeChange("other");
    first.answer(new Map());
    (await nextRead(1)).answer(new Map([["a", { publicId: publicId("k"), value: "created" }]]));
    expect((await answer)?.value).toBe("created");
  });

  it("tells all who wait when a read fails, and goes on afterwards", async () => {
    const { loader, nextRead } = openFixture();
    const failing = loader.load("a");
    (await nextRead(0)).fail(new Error("gone"));
    await expect(failing).rejects.toThrow("gone");
    const next = loader.load("a");
    (await nextRead(1)).answer(new Map());
    expect(await next).toBeNull();
  });

  it("refuses what does not fit in the line", async () => {
    const { loader } = openFixture(2);
    void loader.load("a").catch(() => undefined);
    void loader.load("b").catch(() => undefined);
    await expect(loader.load("c")).rejects.toBeInstanceOf(KeyLoaderOverload);
    loader.close();
  });
});
