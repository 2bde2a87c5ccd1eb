/**
 * Speed and size of the state table beside maps in the same run: `node --expose-gc test/perf/state-table.ts [slots]`.
 * Times are those of this thread alone, so that what else runs on the machine shows less.
 */
import { rowDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { AccountDiff, StateDiff } from '../../src/protocol/state-diff.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { type Bytes, bytesToBigInt, toKey } from '../../src/util/bytes.ts';

const KEYS = Number(process.argv[2] ?? 1_000_000);
const CONTRACTS = 100;
/** Keys of a mini-block: 100,000 ERC-20 transfers a second write about as many in 10 ms. */
const BATCH = 3_000;
const BATCHES = 100;
const CHUNK_BYTES = 256 * 1024;

let seed = 1;
function random(below: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % below;
}

function keyOf(number: number, length: number): Bytes {
  const key = new Uint8Array(length);
  for (let i = 0, mixed = number + 1; i < length; i++) {
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) + i;
    key[i] = mixed >>> 11;
  }
  new DataView(key.buffer).setUint32(4, number);
  return key;
}

const contracts = Array.from({ length: CONTRACTS }, (_, i) => keyOf(i, 20)).sort(Buffer.compare);
const contractOf = (slot: number): Bytes => contracts[slot % CONTRACTS] as Bytes;

/** A mini-block that writes the given slots, each with a new value. */
function diffOf(chosen: Iterable<number>, salt: number): StateDiff {
  const byContract = contracts.map((): number[] => []);
  for (const slot of chosen) byContract[slot % CONTRACTS]?.push(slot);
  const accounts: AccountDiff[] = [];
  byContract.forEach((slots, i) => {
    if (slots.length === 0) return;
    const listed = slots.map((slot) => ({ key: keyOf(slot, 32), value: keyOf(slot ^ salt, 32) }));
    listed.sort((a, b) => Buffer.compare(a.key, b.key));
    accounts.push({ address: contracts[i] as Bytes, nonce: BigInt(salt), slots: listed });
  });
  return { accounts, codes: [] };
}

function randomDiff(salt: number): StateDiff {
  const chosen = new Set<number>();
  while (chosen.size < Math.min(BATCH, KEYS)) chosen.add(random(KEYS));
  return diffOf(chosen, salt);
}

/** Prints and returns keys a second. Inputs are made outside the measured time, just before they are used. */
function measure<Input>(
  name: string,
  rounds: number,
  keys: number,
  prepare: (round: number) => Input,
  work: (input: Input) => void,
) {
  let micros = 0;
  for (let round = 0; round < rounds; round++) {
    const input = prepare(round);
    const start = process.threadCpuUsage().user;
    work(input);
    micros += process.threadCpuUsage().user - start;
  }
  const rate = ((rounds * keys) / micros) * 1e6;
  console.log(`${name.padEnd(44)} ${(rate / 1e6).toFixed(2).padStart(7)} M keys/s ${(1e9 / rate).toFixed(0).padStart(7)} ns`);
  return rate;
}

/** State as it was before: hex keys in maps. */
class Maps {
  readonly accounts = new Map<string, { nonce: bigint }>();
  readonly storage = new Map<string, Map<string, bigint>>();

  apply(diff: StateDiff): void {
    for (const { address, nonce, slots } of diff.accounts) {
      const key = toKey(address);
      this.accounts.set(key, { nonce: nonce ?? 0n });
      const storage = this.storage.get(key) ?? new Map<string, bigint>();
      this.storage.set(key, storage);
      for (const slot of slots ?? []) storage.set(toKey(slot.key), bytesToBigInt(slot.value));
    }
  }
}

let used = 0;
/** Takes a result, so that the compiler cannot leave out what makes it. */
function use(result: unknown): void {
  if (result !== undefined) used++;
}

function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}

console.log(`${KEYS} slots of ${CONTRACTS} contracts, ${BATCH} keys a mini-block`);
const LOADS = Math.ceil(KEYS / BATCH);
const load = (i: number): StateDiff =>
  diffOf(
    Array.from({ length: Math.min(BATCH, KEYS - i * BATCH) }, (_, j) => i * BATCH + j),
    1,
  );

const maps = new Maps();
const heapBefore = heapBytes();
const mapsNew = measure('maps: new keys', LOADS, BATCH, load, (diff) => maps.apply(diff));
const mapBytes = heapBytes() - heapBefore;

const table = new StateTable();
let number = 0;
const blockMs: number[] = [];
const tableNew = measure('table: new keys, registry digest included', LOADS, BATCH, load, (diff) => {
  const start = process.threadCpuUsage().user;
  table.apply(diff, number++);
  blockMs.push((process.threadCpuUsage().user - start) / 1_000);
});
// The first ones run before the code is compiled.
console.log(`  slowest mini-block of them, the index growing: ${Math.max(...blockMs.slice(30)).toFixed(1)} ms`);
table.release(number);
const tableBytes = table.memoryBytes;

const mapsKnown = measure(
  'maps: known keys',
  BATCHES,
  BATCH,
  (i) => randomDiff(i + 2),
  (diff) => maps.apply(diff),
);
const apply = measure(
  'table: known keys (apply)',
  BATCHES,
  BATCH,
  (i) => randomDiff(i + 2),
  (diff) => table.apply(diff, number++),
);
const applyRows = measure(
  'table: known keys (applyRows)',
  BATCHES,
  BATCH,
  (i) => rowDiffOf(randomDiff(i + 1_000), table.rows),
  (diff) => table.applyRows(diff, number++),
);
const last = number - 1;
measure(
  'table: net diff of 100 mini-blocks',
  1,
  BATCH * BATCHES,
  () => last - BATCHES,
  (from) => table.netDiff(from, last),
);
measure(
  'table: roll 100 mini-blocks back',
  1,
  BATCH * BATCHES,
  () => last - BATCHES,
  (to) => table.rollback(to),
);

const lookUps = Array.from({ length: BATCH }, () => 0);
const randomSlots = () => lookUps.map(() => random(KEYS)).map((slot) => ({ address: contractOf(slot), key: keyOf(slot, 32) }));
const mapsLookUp = measure('maps: read a slot', BATCHES, BATCH, randomSlots, (slots) => {
  for (const { address, key } of slots) use(maps.storage.get(toKey(address))?.get(toKey(key)));
});
const lookUp = measure('table: getStorage', BATCHES, BATCH, randomSlots, (slots) => {
  for (const { address, key } of slots) use(table.getStorage(address, key));
});
measureAccounts();
measureSnapshot();

console.log(`  ${used} results`);
const ratio = (a: number, b: number): string => `${(a / b).toFixed(1)}x`;
console.log(`bytes a key: table ${(tableBytes / KEYS).toFixed(0)}, maps ${(mapBytes / KEYS).toFixed(0)}`);
console.log(
  `table to maps: new keys ${ratio(tableNew, mapsNew)}, apply ${ratio(apply, mapsKnown)}, applyRows ${ratio(applyRows, mapsKnown)}, look-up ${ratio(lookUp, mapsLookUp)}`,
);

function measureAccounts(): void {
  const state = new StateTable();
  const accounts = Array.from({ length: KEYS }, (_, i) => ({
    address: keyOf(i, 20),
    nonce: BigInt(i),
    balance: 10n ** 21n + BigInt(i),
  }));
  accounts.sort((a, b) => Buffer.compare(a.address, b.address));
  measure(
    'table: a genesis of accounts',
    1,
    KEYS,
    () => ({ accounts, codes: [] }),
    (diff) => state.apply(diff, 0),
  );
  const addresses = () => lookUps.map(() => keyOf(random(KEYS), 20));
  measure('table: getAccount', BATCHES, BATCH, addresses, (chosen) => {
    for (const address of chosen) use(state.getAccount(address));
  });
  const fewAddresses = () => lookUps.map(() => keyOf(random(1_000), 20));
  measure('table: getAccount, of 1,000', BATCHES, BATCH, fewAddresses, (chosen) => {
    for (const address of chosen) use(state.getAccount(address));
  });
}

function measureSnapshot(): void {
  const snapshot = table.snapshot(table.number);
  if (snapshot === undefined) return;
  const chunks: Bytes[] = [];
  measure(
    'table: pack a snapshot',
    1,
    KEYS,
    () => snapshot.chunks(CHUNK_BYTES),
    (packed) => {
      for (const chunk of packed) chunks.push(chunk);
    },
  );
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const loader = new StateTable().loader();
  measure(
    'table: load a snapshot',
    1,
    KEYS,
    () => chunks,
    (packed) => {
      for (const chunk of packed) loader.add(chunk);
      loader.finish(snapshot.number, snapshot.mark);
    },
  );
  console.log(`  snapshot ${(bytes / KEYS).toFixed(1)} bytes a key`);
}
