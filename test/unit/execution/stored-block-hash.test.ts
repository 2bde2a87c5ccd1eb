import { expect, test } from 'vitest';
import { EthereumJsCallExecutor } from '../../../src/execution/ethereumjs/call-executor.ts';
import type { StateView } from '../../../src/protocol/ports/state.ts';
import { type Hash, HISTORY_CONTRACT, ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { bytesEqual, bytesToBigInt, fromHex } from '../../../src/util/bytes.ts';
import { callRequest } from '../../support/call-requests.ts';
import { words } from '../../support/contracts.ts';
import { CHAIN_ID, CONTRACT, ENV, stateWith } from '../../support/execution-harness.ts';

/** Returns BLOCKHASH of the number that it is given. */
const BLOCK_HASH = fromHex('0x5f35405f5260205ff3');
const NUMBER = 9_000;
const RING = 8_191;

const hash = (number: number) => new Uint8Array(32).fill(number % 251).fill(1, 31);

/** What the contract has at the end of block {@link NUMBER}. */
function hashIn(key: Hash): Hash {
  const place = Number(bytesToBigInt(key));
  const newest = NUMBER - 1;
  return hash(newest - ((((newest - place) % RING) + RING) % RING));
}

test('a call on an old block reads the hashes of its ancestors in the state, unless it assumes another block', async () => {
  const state = stateWith({ address: CONTRACT, nonce: 1n, code: BLOCK_HASH });
  const withHashes: StateView = {
    getAccount: (address) => state.getAccount(address),
    getCode: (codeHash) => state.getCode(codeHash),
    storageOf: () => [],
    getStorage: (address, key) => (bytesEqual(address, HISTORY_CONTRACT) ? hashIn(key) : ZERO_HASH),
  };
  const known = new Uint8Array(32).fill(0xee);
  const blockHash = (number: number) => (number === NUMBER - 3 ? known : undefined);
  const executor = new EthereumJsCallExecutor({ chainId: CHAIN_ID }, { blockHash });
  const ask = async (number: number, env = { ...ENV, number: NUMBER, parentHash: hash(NUMBER - 1) }) => {
    const outcome = await executor.call(callRequest({ data: words(number) }), { state: withHashes, env }, []);
    return outcome.kind === 'success' ? outcome.output : undefined;
  };
  expect(await ask(NUMBER - 1)).toEqual(hash(NUMBER - 1));
  expect(await ask(NUMBER - 256)).toEqual(hash(NUMBER - 256));
  expect(await ask(NUMBER - 3)).toEqual(known);
  for (const outside of [NUMBER - 257, NUMBER, NUMBER + 1]) expect(await ask(outside)).toEqual(ZERO_HASH);
  expect(await ask(NUMBER + 5, { ...ENV, number: NUMBER + 10, parentHash: hash(NUMBER - 1) })).toEqual(ZERO_HASH);
});
