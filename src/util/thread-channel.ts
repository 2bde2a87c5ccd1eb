/** Arrays from this size on move between threads instead of being cloned (2 against 10 µs for 20 kB). */
const THREAD_TRANSFER_BYTES = 4 * 1024;

/** Ordered messages between two parts of the program, whether these share a thread or not. */
export interface Channel {
  post(message: unknown): void;
  /** Set once, before the other end posts. */
  onMessage(handler: (message: unknown) => void): void;
}

/** Both ends of a channel on one thread: a message is handled inside `post`, as a plain call. */
export function createChannelPair(): readonly [Channel, Channel] {
  const handlers: [((message: unknown) => void)?, ((message: unknown) => void)?] = [];
  const end = (own: 0 | 1, other: 0 | 1): Channel => ({
    post: (message) => handlers[other]?.(message),
    onMessage: (handler) => {
      handlers[own] = handler;
    },
  });
  return [end(0, 1), end(1, 0)];
}

/** What `Worker` and `MessagePort` have in common. */
export interface ThreadPort {
  postMessage(value: unknown, transferList: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (value: unknown) => void): unknown;
}

/**
 * A channel to another thread. Messages posted in one turn travel together, which spares most of the cost under load.
 * Byte arrays are copied before they go: a view would drag its whole backing store along, and the caller keeps its own.
 */
export function createThreadChannel(port: ThreadPort): Channel {
  let batch: unknown[] = [];
  let transfers: ArrayBuffer[] = [];
  const flush = (): void => {
    const messages = batch;
    const list = transfers;
    batch = [];
    transfers = [];
    port.postMessage(messages, list);
  };
  return {
    post: (message) => {
      if (batch.length === 0) queueMicrotask(flush);
      batch.push(detach(message, transfers));
    },
    onMessage: (handler) => {
      port.on('message', (messages) => {
        for (const message of messages as unknown[]) handler(message);
      });
    },
  };
}

/** A deep copy of plain data in which byte arrays own their memory; large ones are put on the transfer list. */
function detach(value: unknown, transfers: ArrayBuffer[]): unknown {
  if (value instanceof Uint8Array) {
    const copy = new Uint8Array(value);
    if (copy.length >= THREAD_TRANSFER_BYTES) transfers.push(copy.buffer);
    return copy;
  }
  if (Array.isArray(value)) return value.map((item) => detach(item, transfers));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, detach(item, transfers)]));
}
