import { afterAll, beforeAll, expect, test } from 'vitest';
import { createdContractAddress } from '../../src/protocol/contract-address.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { bigIntToBytes32, fromHex, type Hex, toHex } from '../../src/util/bytes.ts';
import { initCodeOf } from '../support/contracts.ts';
import { defined } from '../support/defined.ts';
import { type ExecutedBlock, ExecutedChain } from '../support/executed-chain.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { page } from '../support/node-process.ts';
import { provenBy } from '../support/proven-state.ts';
import { RoleProcesses, type RunningRole } from '../support/role-processes.ts';
import { writeChainLog } from '../support/served-log.ts';
import { testAccount } from '../support/test-accounts.ts';

/** More than any node has in memory. */
const BLOCKS = 205;
/** Newest blocks whose state is in memory. */
const IN_MEMORY = 128;

/** Stores a word that it is given in slot 0, and returns it when it is given none. */
const CELL = fromHex('0x36600c575f545f5260205ff35b5f355f5500');
/** Returns the hash of the block before. */
const RETURN_PARENT_HASH = '0x6001430340' + '5f5260205ff3';

const blocks: ExecutedBlock[] = [];
let chain: ExecutedChain;
let roles: RoleProcesses;
let cell: Hex;
let owner: Hex;

beforeAll(async () => {
  chain = new ExecutedChain({ accounts: 1, state: new StateTable() });
  const from = defined(chain.accounts[0]);
  owner = toHex(from.address);
  blocks.push(await chain.block([{ from, data: initCodeOf(CELL) }]));
  const to = createdContractAddress(from.address, 0n);
  cell = toHex(to);
  // Block n puts n into the cell, and has given it n - 1 wei by then.
  for (let n = 2; n <= BLOCKS; n++) {
    blocks.push(await chain.block([{ from, to, value: 1n, data: bigIntToBytes32(BigInt(n)) }]));
  }
  roles = await RoleProcesses.create(chain.genesisFile);
  await writeChainLog(roles.file('first'), chain, blocks);
}, 60_000);

afterAll(() => roles[Symbol.asyncDispose]());

async function reachesHead({ process, rpcUrl }: RunningRole): Promise<void> {
  const head = async () => Number((await nodeInfo(rpcUrl).catch(() => undefined))?.head.number) === BLOCKS;
  await process.until(head, `block ${BLOCKS}`);
}

async function expectReadable({ process, rpcUrl }: RunningRole): Promise<void> {
  // What is sealed is stored a moment later.
  await process.until(() => rpc(rpcUrl, 'eth_getBalance', [cell, '0x2']).catch(() => undefined), 'the second block is stored');
  for (const n of [2, 3, BLOCKS - IN_MEMORY - 1, BLOCKS - IN_MEMORY, BLOCKS]) {
    const block = `0x${n.toString(16)}`;
    const word = toHex(bigIntToBytes32(BigInt(n)));
    expect(await rpc(rpcUrl, 'eth_getBalance', [cell, block])).toBe(`0x${(n - 1).toString(16)}`);
    expect(await rpc(rpcUrl, 'eth_getStorageAt', [cell, '0x0', block])).toBe(word);
    expect(await rpc(rpcUrl, 'eth_getTransactionCount', [owner, block])).toBe(block);
    expect(await rpc(rpcUrl, 'eth_call', [{ to: cell }, block])).toBe(word);
    const parentHash = await rpc(rpcUrl, 'eth_call', [{ to: owner }, block, { [owner]: { code: RETURN_PARENT_HASH } }]);
    expect(parentHash).toBe(toHex(defined(blocks[n - 2]).hash));
    // Traces are executed in a thread of their own, which reads the same history.
    const stateOverrides = { [owner]: { code: RETURN_PARENT_HASH } };
    for (const [to, output] of [
      [cell, word],
      [owner, parentHash],
    ]) {
      const trace = await rpc(rpcUrl, 'debug_traceCall', [{ to }, block, { tracer: 'callTracer', stateOverrides }]);
      expect(trace).toMatchObject({ output });
    }
  }
  expect(await rpc(rpcUrl, 'eth_getCode', [cell, '0x1'])).toBe(toHex(CELL));
  expect(await rpc(rpcUrl, 'eth_getCode', [cell, '0x0'])).toBe('0x');
  expect(await rpc(rpcUrl, 'eth_getTransactionCount', [owner, 'earliest'])).toBe('0x0');
}

type ProofJson = Readonly<Record<'balance' | 'nonce' | 'codeHash' | 'storageHash', Hex>> & {
  readonly accountProof: readonly Hex[];
  readonly storageProof: readonly { readonly value: Hex; readonly proof: readonly Hex[] }[];
};

/** Every block's state leads to the root in its header, and not all of them had views. */
async function expectProvable({ rpcUrl, metricsUrl, process }: RunningRole): Promise<void> {
  for (const n of [1, 2, BLOCKS - IN_MEMORY - 1, 3, BLOCKS, 0]) {
    const block = `0x${n.toString(16)}`;
    const { stateRoot } = await rpc<{ stateRoot: Hex }>(rpcUrl, 'eth_getBlockByNumber', [block, false]);
    const proof = await rpc<ProofJson>(rpcUrl, 'eth_getProof', [cell, ['0x0'], block]);
    const leaf = await provenBy(fromHex(stateRoot), fromHex(cell), proof.accountProof.map(fromHex));
    if (n === 0) {
      expect(leaf).toBeNull();
      continue;
    }
    const { nonce, balance, codeHash, storageHash } = proof;
    expect(balance).toBe(`0x${(n - 1).toString(16)}`);
    const fields = [nonce, balance].map((quantity) => fromNumber(BigInt(quantity)));
    expect(leaf).toEqual(encodeRlp([...fields, fromHex(storageHash), fromHex(codeHash)]));
    const slot = defined(proof.storageProof[0]);
    const stored = await provenBy(fromHex(storageHash), bigIntToBytes32(0n), slot.proof.map(fromHex));
    expect(slot.value).toBe(n === 1 ? '0x0' : block);
    expect(stored).toEqual(n === 1 ? null : encodeRlp(fromNumber(BigInt(n))));
  }
  const hasTravelled = async () =>
    /archive_trie_move_seconds_count [1-9]/.test((await page(`${metricsUrl}/metrics`))?.body ?? '');
  await process.until(hasTravelled, 'proofs from the history on disk');
}

test('a sequencer with an archive proves the state of every block', async () => {
  await writeChainLog(roles.file('sequencer'), chain, blocks);
  const settings = { storage: { stateHistory: 'archive' } };
  const sequencer = await roles.sequencer('sequencer', [], testAccount('sequencer'), { settings });
  await sequencer.ready();
  await expectProvable(sequencer);
  expect(await sequencer.process.stop()).toEqual({ code: 0, signal: null });
});

test('a replica with an archive reads and proves the state of every block, as does the same one after it was killed', async () => {
  const first = await roles.replica('first', []);
  const startArchive = () =>
    roles.replica('archive', [first.peerAddress], { settings: { storage: { stateHistory: 'archive' }, proofs: { trie: true } } });
  const archive = await startArchive();
  await Promise.all([first, archive].map(reachesHead));
  await expectReadable(archive);
  const oldest = BLOCKS - IN_MEMORY;
  await expect(rpc(first.rpcUrl, 'eth_getBalance', [cell, '0x2'])).rejects.toThrow(
    `historical state is not available: block 2 is not among those whose state is kept, the oldest of which is block ${oldest}`,
  );
  await Promise.all([first, archive].map(({ process }) => process.stop('SIGKILL')));
  const again = await startArchive();
  await reachesHead(again);
  await expectReadable(again);
  // Only now: before, all blocks had views, as none of them was attested.
  await expectProvable(again);
});
