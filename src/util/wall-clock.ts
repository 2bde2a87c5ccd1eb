/** How far the precise clock may be from the system's before it is set to it, ms: the system's resolution is 1 ms. */
const MAX_DRIFT_MS = 2;

/**
 * The system's time in ms since 1970 with fractions of a millisecond. It follows when the system's clock is set, which
 * `performance.now()` alone does not.
 */
export function createWallClock(): () => number {
  let origin = performance.timeOrigin;
  return () => {
    const precise = origin + performance.now();
    const system = Date.now();
    // A system clock shows the begin of its millisecond.
    const drift = system + 0.5 - precise;
    if (Math.abs(drift) <= MAX_DRIFT_MS) return precise;
    origin += drift;
    return precise + drift;
  };
}
