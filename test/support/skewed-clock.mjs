/**
 * Moves the wall clock of a process under test: `node --import skewed-clock.mjs`. `TEST_CLOCK_SKEW_MS` is added to what
 * `Date` says from the start on, `TEST_CLOCK_JUMP_MS` from the first SIGUSR2 on. Monotonic time goes on as it is.
 */
const jumpMs = Number(process.env.TEST_CLOCK_JUMP_MS ?? 0);
let skewMs = Number(process.env.TEST_CLOCK_SKEW_MS ?? 0);

const RealDate = Date;
const realNow = Date.now.bind(Date);
RealDate.now = () => realNow() + skewMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, values, newTarget) =>
    Reflect.construct(target, values.length === 0 ? [target.now()] : values, newTarget),
  apply: (target) => new target(target.now()).toString(),
});
RealDate.prototype.constructor = globalThis.Date;

process.once("SIGUSR2", () => {
  skewMs += jumpMs;
});
