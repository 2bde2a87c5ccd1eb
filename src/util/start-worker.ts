import { setFlagsFromString } from 'node:v8';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** More calls than a thread ever makes. */
const NEVER = 2 ** 31 - 1;

let isSettled = false;

/**
 * Starts a worker thread.
 *
 * V8 compiles a wrapper of its own for a function that WebAssembly imports and has called a thousand times, and shares it
 * between all threads. When the last thread that uses it ends while another compiles the same, V8 13.6 (Node 24)
 * frees it twice, and the process dies of SIGSEGV or SIGTRAP (`jit_page.has_value()`, nodejs/node issue 64500). Node's own
 * type stripper has such imports in every thread that runs from source. So no thread compiles any: V8 goes on with the
 * wrapper that it begins with. Nothing here is the slower for it, our modules import no functions.
 */
export function startWorker(entry: URL, options?: WorkerOptions): Worker {
  if (!isSettled) setFlagsFromString(`--wasm-wrapper-tiering-budget=${NEVER}`);
  isSettled = true;
  return new Worker(entry, options);
}
