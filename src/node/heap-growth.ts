import { setFlagsFromString } from 'node:v8';

/** In percent of what is alive after a collection. */
const HEAP_GROWTH = 200;

/**
 * Lets every heap of the process grow to three times what lives in it before V8 collects all of it again, below its
 * maximum as ever. What a node keeps dies slowly and what it makes of each mini-block dies fast, most of it outside the
 * heap: V8 on its own takes that for a reason to collect two or three times a second, each time for 50 to 100 ms of a core.
 */
export function letHeapsGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);
}
