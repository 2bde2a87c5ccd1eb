import { parentPort } from 'node:worker_threads';
import { type TableHandle, TableReader } from '../../../../src/state/table/table-reader.ts';
import { isStrobeError, StrobeError } from '../../../../src/util/errors.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { addressOf, word } from './table-diffs.ts';

export interface ReaderTask {
  readonly handle: TableHandle;
  /** Reads made so far, and a word that is 1 when it is enough. */
  readonly progress: Int32Array<SharedArrayBuffer>;
  /** A number that the owner retains. */
  readonly retained: number;
}

export type ReaderResult = { readonly chunks: string[]; readonly reads: number } | { readonly error: string };

const port = parentPort;
if (port === null) throw new StrobeError('NOT_A_WORKER', 'this file runs in a worker thread');
port.once('message', (task: ReaderTask) => {
  try {
    port.postMessage(hammer(task) satisfies ReaderResult);
  } catch (error) {
    port.postMessage({ error: isStrobeError(error) ? `${error.code} ${error.message}` : String(error) } satisfies ReaderResult);
  }
});

/** Reads until it is enough: all values of a mini-block have its number (table-reader.test.ts). */
function hammer({ handle, progress, retained }: ReaderTask): ReaderResult {
  const reader = TableReader.attach(handle);
  let reads = 0;
  const chunks: string[] = [];
  while (Atomics.load(progress, 1) === 0) {
    checkOnce(reader);
    Atomics.store(progress, 0, ++reads);
    if (reads === 50) chunks.push(...packSnapshot(reader, retained));
  }
  return { chunks, reads };
}

function checkOnce(reader: TableReader): void {
  const seen = reader.consistent(() => [
    BigInt(reader.number),
    reader.getAccount(addressOf(0))?.nonce,
    reader.getAccount(addressOf(1))?.nonce,
    BigInt(Buffer.from(reader.getStorage(addressOf(1), word(3))).readUIntBE(26, 6)),
    BigInt(Buffer.from(reader.getStorage(addressOf(1), word(5))).readUIntBE(26, 6)),
  ]);
  if (new Set(seen).size !== 1) throw new StrobeError('TORN_READ', seen.join());
  const { hash, code } = reader.consistent(() => {
    const account = reader.getAccount(addressOf(0));
    return { hash: account?.codeHash, code: account && reader.getCode(account.codeHash) };
  });
  if (hash === undefined || code === undefined) throw new StrobeError('MISSING', 'the account or its code');
  if (Buffer.compare(keccak256(code), hash) !== 0) throw new StrobeError('TORN_CODE', 'a code is not that of its hash');
}

function packSnapshot(reader: TableReader, number: number): string[] {
  const snapshot = reader.snapshot(number);
  if (snapshot === undefined) throw new StrobeError('NOT_RETAINED', `number ${number}`);
  return [...snapshot.chunks(500)].map((chunk) => Buffer.from(keccak256(chunk)).toString('hex'));
}
