/** A call from its key to its end, as far as somebody may have to end it. */
export interface OpenCall {
  readonly publicId: string;
  /** The key was revoked together with its calls: nothing may go on. */
  isCut: boolean;
  /** What ends it while a provider is being waited for. */
  onCut: (() => void) | null;
}

/**
 * The calls that run in this process. Opening and closing one is an entry of a set; only a cut, which is rare, looks
 * through them.
 */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();

  open(publicId: string): OpenCall {
    const call: OpenCall = { publicId, isCut: false, onCut: null };
    this.#calls.add(call);
    return call;
  }

  close(call: OpenCall): void {
    this.#calls.delete(call);
  }

  /** Ends the calls of a key. @returns how many there were. */
  cut(publicId: string): number {
    let count = 0;
    for (const call of this.#calls) {
      if (call.publicId !== publicId || call.isCut) continue;
      call.isCut = true;
      count++;
      call.onCut?.();
    }
    return count;
  }
}
