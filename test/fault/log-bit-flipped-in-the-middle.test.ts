import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSameChain } from '../support/chain-agreement.ts';
import { defined } from '../support/defined.ts';
import { FAULT_SEED, faultRandom, isFullRun } from '../support/fault-seed.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import { fingerprint, flipBit, type RecordPlace, recordPlaces } from '../support/log-places.ts';
import { expectContiguous } from '../support/mini-block-chain.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { TestDevnet } from '../support/test-devnet.ts';

/** Bits turned over one at a time in each log; each costs a start. */
const FLIPS = 4;
/** Blocks that the chain spans. */
const BLOCKS = 3;
const SENDERS = 4;
/** Opening the lock's database rewrites that database's own files, and says nothing of the chain. */
const LOCK_FOLDERS = ['log/guard'];

interface Flip extends RecordPlace {
  /** In the file. */
  readonly byte: number;
  readonly bit: number;
}

let devnet: TestDevnet;
let ledger: ReceiptLedger;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 2 });
  ledger = new ReceiptLedger(devnet);
  await devnet.start('sequencer');
  await devnet.start('replica-1', 'replica-2');
  while (ledger.lastBlock <= BLOCKS) {
    await Promise.all(Array.from({ length: SENDERS }, (_, account) => ledger.send('sequencer', account)));
  }
  const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
  for (const name of ['replica-1', 'replica-2']) await devnet.miniBlockReaches(name, miniBlock);
});

afterAll(() => devnet[Symbol.asyncDispose]());

/** Bits of records that have whole records on both sides. */
async function pickFlips(name: string): Promise<Flip[]> {
  const random = faultRandom();
  const places = (await recordPlaces(devnet.dataDir(name))).slice(1, -1);
  expect(places.length).toBeGreaterThan(FLIPS);
  return Array.from({ length: FLIPS }, (): Flip => {
    const place = defined(places[random.below(places.length)]);
    return { ...place, byte: place.offset + random.below(place.length), bit: random.below(8) };
  });
}

/** The fatal line of a process that ended, as it was logged. */
function lastWords(output: string): Record<string, unknown> {
  const lines = output.trim().split('\n');
  const fatal = lines.filter((line) => line.startsWith('{') && line.includes('"level":"fatal"'));
  expect(fatal, output).toHaveLength(1);
  return JSON.parse(defined(fatal[0])) as Record<string, unknown>;
}

/** Starts a node on the damaged log: it says what is wrong and where, ends, and has changed nothing. */
async function expectRefusal(name: string, { path, offset, byte, bit }: Flip): Promise<void> {
  const what = `${name}: bit ${bit} of byte ${byte} in the record at ${offset}`;
  await flipBit(path, byte, bit);
  const before = await fingerprint(devnet.dataDir(name), LOCK_FOLDERS);
  const process = defined(devnet.launch(name)[0]);
  await process.until(() => process.hasExited, `${what}: it gives up`);
  expect(await process.exited, what).toEqual({ code: 1, signal: null });
  const words = lastWords(process.output);
  expect(words, what).toMatchObject({ code: 'LOG_CORRUPT', file: path, offset });
  expect(words['msg']).toMatch(/restore the log directory from a backup, or remove the data directory and sync again/);
  expect(await fingerprint(devnet.dataDir(name), LOCK_FOLDERS), what).toEqual(before);
  await flipBit(path, byte, bit);
}

test.each(['replica-1', 'sequencer'])(`a flipped bit in the log of a stopped %s: refused (seed ${FAULT_SEED})`, async (name) => {
  expect(await devnet.process(name).stop()).toEqual({ code: 0, signal: null });
  for (const flip of await pickFlips(name)) await expectRefusal(name, flip);
});

test('with the bits as they were both go on, as if nothing had been', async () => {
  await devnet.start('sequencer');
  // A log of which nothing was cut needs no new epoch.
  expect(await nodeInfo(devnet.rpcUrl('sequencer'))).toMatchObject({ epoch: 1 });
  await devnet.start('replica-1');
  await ledger.send('sequencer', 0);
  const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
  await devnet.miniBlockReaches('replica-1', miniBlock);
  for (const name of ['sequencer', 'replica-1']) {
    await ledger.expectAllAt(name);
    await expectContiguous(devnet.rpcUrl(name), miniBlock);
  }
  expect(await nodeInfo(devnet.rpcUrl('replica-1'))).toMatchObject({ state: 'live', isReady: true });
});

test.runIf(isFullRun)('a flipped bit in the log of a sequencer that was killed: refused as well', async () => {
  await devnet.process('sequencer').crash();
  for (const flip of await pickFlips('sequencer')) await expectRefusal('sequencer', flip);
  await devnet.start('sequencer');
  await ledger.expectAllAt('sequencer');
});

test('a flipped bit in the log of a replica that was killed in its first run: made good, or refused with a remedy that helps', async () => {
  // Its log is synced by no record: what follows the damaged one cannot prove that it was whole once.
  await devnet.process('replica-2').crash();
  const { path, byte, bit } = defined((await pickFlips('replica-2'))[0]);
  await flipBit(path, byte, bit);
  const process = defined(devnet.launch('replica-2')[0]);
  const isBack = async (): Promise<boolean> => {
    if (process.hasExited) return true;
    const info = await nodeInfo(devnet.rpcUrl('replica-2')).catch(() => undefined);
    return info?.state === 'live' && info.isReady === true;
  };
  await process.until(isBack, 'it gives up or is live');
  if (process.hasExited) {
    expect(await process.exited).toEqual({ code: 1, signal: null });
    const words = lastWords(process.output);
    expect(words['code']).toMatch(/^LOG_/);
    expect(words['msg']).toMatch(/remove the data directory|start anew without its data/);
    await rm(devnet.dataDir('replica-2'), { recursive: true });
    await devnet.start('replica-2');
  }
  await ledger.send('sequencer', 0);
  await devnet.miniBlockReaches('replica-2', (await nodeInfo(devnet.rpcUrl('sequencer'))).miniBlock);
  await ledger.expectAllAt('replica-2');
  const to = Number((await nodeInfo(devnet.rpcUrl('replica-2'))).head.number);
  await expectSameChain(
    ['sequencer', 'replica-2'].map((name) => devnet.rpcUrl(name)),
    { from: 0, to },
  );
});
