import type { FaultProxy } from "./fault-proxy.ts";

/** What can be done to a network: see {@link FaultProxy}. */
export type NetworkFaults = Pick<FaultProxy, "cut" | "refuse" | "pause" | "blackhole" | "delay" | "resume"> & {
  /** Nothing is let through and nobody is let in, until `resume`. */
  down(): void;
};

/** Several networks as one: what is done to it is done to each. */
export function joinFaults(faults: readonly Omit<NetworkFaults, "down">[]): NetworkFaults {
  const each =
    <Values extends unknown[]>(act: (fault: Omit<NetworkFaults, "down">, ...values: Values) => void) =>
    (...values: Values): void => {
      for (const fault of faults) act(fault, ...values);
    };
  return {
    cut: each((fault) => fault.cut()),
    refuse: each((fault) => fault.refuse()),
    pause: each((fault) => fault.pause()),
    blackhole: each((fault) => fault.blackhole()),
    delay: each((fault, delayMs: number) => fault.delay(delayMs)),
    resume: each((fault) => fault.resume()),
    down: each((fault) => {
      fault.refuse();
      fault.cut();
    }),
  };
}
