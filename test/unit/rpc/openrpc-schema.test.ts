import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { createInlineProofTrie } from '../../../src/state/proof-trie.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { CONTRACT, LOGGER, REVERTER } from '../../support/fake-contracts.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { OpenRpcResults } from '../../support/openrpc.ts';
import { ALICE, RpcHarness, signEveryType, signTransfer } from '../../support/rpc-harness.ts';

const documentPath = fixturePath('execution-apis', 'openrpc.json');

const SLOT = new Uint8Array(32).fill(1);
const TOPIC = `0x${'07'.repeat(32)}` as const;

describe.skipIf(documentPath === undefined)('results follow the OpenRPC document', () => {
  const rpc = new RpcHarness();
  const hashes: string[] = [];
  let blockHash = '';
  let validate: (method: string, result: unknown) => string[];

  beforeAll(async () => {
    const results = new OpenRpcResults(documentPath as string);
    validate = (method, result) => results.errors(method, result);
    await rpc.start();
    const raws = [
      await signTransfer({ nonce: 0 }),
      await signTransfer({ nonce: 1, to: toHex(LOGGER), data: TOPIC }),
      await signTransfer({ nonce: 2, to: null, data: '0x00' }),
      ...(await signEveryType(3)),
    ];
    for (const raw of raws) await rpc.result('eth_sendRawTransaction', raw);
    hashes.push(...raws.map((raw) => toHex(keccak256(fromHex(raw)))));
    blockHash = toHex(rpc.chain.seal().hash);
    rpc.chain.safe = 1;
    rpc.chain.finalized = 0;
  });
  afterAll(() => rpc.stop());

  it.each<[string, unknown[]]>([
    ['net_version', []],
    ['eth_chainId', []],
    ['eth_syncing', []],
    ['eth_accounts', []],
    ['eth_coinbase', []],
    ['eth_gasPrice', []],
    ['eth_maxPriorityFeePerGas', []],
    ['eth_blobBaseFee', []],
    ['eth_baseFee', []],
    ['eth_config', []],
    ['eth_capabilities', []],
    ['eth_getStorageValues', [{ [ALICE.address]: ['0x1'] }]],
    ['txpool_status', []],
    ['txpool_content', []],
    ['txpool_contentFrom', [ALICE.address]],
    ['debug_getRawHeader', ['latest']],
    ['debug_getRawBlock', ['0x0']],
    ['debug_getRawReceipts', ['latest']],
    ['debug_getRawTransaction', [`0x${'00'.repeat(32)}`]],
    ['eth_blockNumber', []],
    ['eth_feeHistory', ['0x5', 'latest', [0, 50, 100]]],
    ['eth_feeHistory', ['0x1', 'latest', []]],
    ['eth_getBalance', [ALICE.address, 'latest']],
    ['eth_getCode', [ALICE.address, 'latest']],
    ['eth_getStorageAt', [ALICE.address, '0x0', 'latest']],
    ['eth_getTransactionCount', [ALICE.address, 'pending']],
    ['eth_call', [{ to: ALICE.address, data: '0x1234' }]],
    ['eth_estimateGas', [{ to: ALICE.address }]],
    ['eth_createAccessList', [{ to: ALICE.address }]],
    ['eth_createAccessList', [{ to: toHex(REVERTER) }, 'latest']],
    ['eth_getBlockByNumber', ['0x0', true]],
    ['eth_getBlockByNumber', ['latest', true]],
    ['eth_getBlockByNumber', ['safe', false]],
    ['eth_getBlockByNumber', ['finalized', false]],
    ['eth_getBlockByNumber', ['0xff', false]],
    ['eth_getBlockTransactionCountByNumber', ['latest']],
    ['eth_getBlockReceipts', ['latest']],
    ['eth_getLogs', [{ fromBlock: '0x0', toBlock: 'latest' }]],
    ['eth_newFilter', [{}]],
    ['eth_newBlockFilter', []],
    ['eth_newPendingTransactionFilter', []],
    ['eth_uninstallFilter', ['0x1']],
    ['eth_getTransactionByBlockNumberAndIndex', ['0x1', '0x1']],
  ])('%s %j', async (method, params) => {
    expect(validate(method, await rpc.result(method, ...params))).toEqual([]);
  });

  it('blocks by hash', async () => {
    expect(validate('eth_getBlockByHash', await rpc.result('eth_getBlockByHash', blockHash, true))).toEqual([]);
    expect(validate('eth_getBlockReceipts', await rpc.result('eth_getBlockReceipts', blockHash))).toEqual([]);
    const count = await rpc.result('eth_getBlockTransactionCountByHash', blockHash);
    expect(validate('eth_getBlockTransactionCountByHash', count)).toEqual([]);
    const indexed = await rpc.result('eth_getTransactionByBlockHashAndIndex', blockHash, '0x2');
    expect(validate('eth_getTransactionByBlockHashAndIndex', indexed)).toEqual([]);
  });

  it('transactions and receipts of every type', async () => {
    const types = new Set<string>();
    for (const hash of hashes) {
      const transaction = await rpc.result('eth_getTransactionByHash', hash);
      const receipt = await rpc.result('eth_getTransactionReceipt', hash);
      expect(validate('eth_getTransactionByHash', transaction)).toEqual([]);
      expect(validate('eth_getTransactionReceipt', receipt)).toEqual([]);
      types.add(transaction.type);
    }
    expect([...types].sort()).toEqual(['0x0', '0x1', '0x2', '0x4']);
  });

  it('proofs', async () => {
    const trie = createInlineProofTrie({ blocks: 1 });
    trie.apply(encodeStateDiff({ accounts: [{ address: CONTRACT, nonce: 1n, slots: [{ key: SLOT, value: SLOT }] }], codes: [] }));
    const stateRoot = await trie.endBlock();
    rpc.chain.stateProofs = { prove: (_, address, keys) => trie.prove({ stateRoot, address, keys }) };
    for (const address of [toHex(CONTRACT), ALICE.address]) {
      const proof = await rpc.result('eth_getProof', address, ['0x1', toHex(SLOT)], 'latest');
      expect(validate('eth_getProof', proof)).toEqual([]);
    }
  });

  it('receipts and logs before their block is sealed', async () => {
    const raw = await signTransfer({ nonce: hashes.length, to: toHex(LOGGER), data: TOPIC });
    const hash = await rpc.result('eth_sendRawTransaction', raw);
    rpc.chain.mine();
    expect(validate('eth_getTransactionReceipt', await rpc.result('eth_getTransactionReceipt', hash))).toEqual([]);
    const filter = { fromBlock: 'pending', toBlock: 'pending' };
    const logs = await rpc.result('eth_getLogs', filter);
    expect(logs).toHaveLength(1);
    expect(validate('eth_getLogs', logs)).toEqual([]);
  });

  it('the document refuses what is wrong, so that this test means something', async () => {
    const block = await rpc.result('eth_getBlockByNumber', 'latest', true);
    expect(validate('eth_getBlockByNumber', { ...block, gasUsed: '0x01' })).not.toEqual([]);
    expect(validate('eth_blockNumber', 1)).not.toEqual([]);
  });
});
