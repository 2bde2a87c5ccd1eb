import { afterEach, beforeEach, expect, test } from 'vitest';
import { toHex, toKey } from '../../../src/util/bytes.ts';
import { LOGGER } from '../../support/fake-contracts.ts';
import { RpcHarness, type RpcSocket, signTransfer } from '../../support/rpc-harness.ts';

const OTHER = new Uint8Array(20).fill(7);

let rpc: RpcHarness;
let client: RpcSocket;
let id: string;
beforeEach(async () => {
  rpc = await new RpcHarness().start();
  client = await rpc.connect();
  id = await client.subscribe('blockStatus');
});
afterEach(() => rpc.stop());

/** Push `at`, counting from 1, when it is there. */
async function push(at: number) {
  return (await client.nextPushes(id, at))[at - 1];
}

test('each step of a block is pushed as strobe_blockStatus answers it', async () => {
  const { chain } = rpc;
  const { hash } = chain.seal();
  expect(await push(1)).toMatchObject({
    ...{ blockNumber: '0x1', blockHash: toHex(hash), rung: 'signatureVerified' },
    ...{ attestedBy: [toHex(LOGGER)], tag: 'latest' },
  });
  chain.note({ kind: 'status', blockNumber: 1 }, { rootVerified: true });
  expect(await push(2)).toMatchObject({ rung: 'rootVerified', threshold: '0x2', provers: '0x3' });
  chain.note({ kind: 'status', blockNumber: 1 }, { attestedBy: [LOGGER, OTHER] });
  expect(await push(3)).toMatchObject({ rung: 'attested', tag: 'latest' });
  chain.note({ kind: 'safe', blockNumber: 1 });
  expect(await push(4)).toMatchObject({ rung: 'attested', tag: 'safe' });
  chain.note({ kind: 'status', blockNumber: 1 }, { daCommitment: hash });
  chain.note({ kind: 'finalized', blockNumber: 1 });
  const last = await push(5);
  expect(last).toMatchObject({ rung: 'daPosted', tag: 'finalized', daCommitment: toHex(hash) });
  expect(last).toEqual(await rpc.result('strobe_blockStatus', '0x1'));
});

test('an event that changes nothing is no push', async () => {
  const { chain } = rpc;
  chain.seal();
  await push(1);
  for (let i = 0; i < 3; i++) {
    chain.note({ kind: 'status', blockNumber: 1 });
    expect(await rpc.result('strobe_blockStatus', '0x1')).toMatchObject({ rung: 'signatureVerified' });
  }
  chain.note({ kind: 'status', blockNumber: 1 }, { rootVerified: true });
  expect(await push(2)).toMatchObject({ rung: 'rootVerified' });
});

test('what was being read of an undone block is not told behind its end', async () => {
  const { chain } = rpc;
  const undone = toHex(chain.seal().hash);
  chain.rollback(0);
  await rpc.result('eth_sendRawTransaction', await signTransfer());
  const hash = toHex(chain.seal().hash);
  expect(hash).not.toBe(undone);
  chain.seal();
  expect(await client.nextPushes(id, 3)).toMatchObject([
    { blockNumber: '0x1', removed: true },
    { blockNumber: '0x1', blockHash: hash },
    { blockNumber: '0x2' },
  ]);
});

test('every block that becomes safe is told, and an excluded prover counts nowhere', async () => {
  const { chain } = rpc;
  for (let i = 0; i < 3; i++) chain.seal();
  await client.nextPushes(id, 3);
  for (const number of [1, 2, 3]) chain.statuses.set(number, { rootVerified: true, attestedBy: [LOGGER, OTHER] });
  chain.excluded.add(toKey(OTHER));
  chain.note({ kind: 'safe', blockNumber: 3 });
  const pushes = (await client.nextPushes(id, 6)).slice(3);
  expect(pushes.map(({ blockNumber }) => blockNumber)).toEqual(['0x1', '0x2', '0x3']);
  expect(pushes).toMatchObject(Array(3).fill({ rung: 'rootVerified', attestedBy: [toHex(LOGGER)] }));
});

test('undone blocks are told newest first', async () => {
  const { chain } = rpc;
  for (let i = 0; i < 3; i++) chain.seal();
  await client.nextPushes(id, 3);
  chain.rollback(1);
  expect((await client.nextPushes(id, 5)).slice(3)).toEqual([
    { blockNumber: '0x3', removed: true },
    { blockNumber: '0x2', removed: true },
  ]);
});

test('it takes no options', async () => {
  expect((await client.call('eth_subscribe', 'blockStatus', {})).error).toMatchObject({ code: -32602 });
});
