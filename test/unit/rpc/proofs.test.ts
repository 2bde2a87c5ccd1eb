import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StateProof, StateProver } from '../../../src/protocol/ports/proofs.ts';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { bigIntToBytes32, fromHex, toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { ALICE, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness();
const asked: { stateRoot: Hash; keys: readonly Hash[] }[] = [];
const EXISTING: StateProof['account'] = {
  nonce: 3n,
  balance: 2n ** 70n,
  codeHash: keccak256(Uint8Array.of(1)),
  storageRoot: keccak256(Uint8Array.of(2)),
};
let account: StateProof['account'];

const prover: StateProver = {
  prove: async ({ stateRoot }, _, keys) => {
    asked.push({ stateRoot, keys });
    const slots = keys.map((key) => ({ key, value: key, proof: [Uint8Array.of(0xc0)] }));
    return { account, accountProof: [Uint8Array.of(0xc1, 0x80)], slots };
  },
};

beforeAll(() => rpc.start());
afterAll(() => rpc.stop());
beforeEach(() => {
  rpc.chain.stateProofs = prover;
  account = EXISTING;
  asked.length = 0;
});

const ZERO_KEY = `0x${'00'.repeat(32)}`;

describe('eth_getProof', () => {
  test('answers in the form of EIP-1186, keys in the form in which they were asked for', async () => {
    const answer = await rpc.result('eth_getProof', ALICE.address, [ZERO_KEY, '0x1f', '0x001f'], 'latest');
    expect(answer).toEqual({
      address: ALICE.address.toLowerCase(),
      accountProof: ['0xc180'],
      balance: '0x400000000000000000',
      codeHash: toHex(keccak256(Uint8Array.of(1))),
      nonce: '0x3',
      storageHash: toHex(keccak256(Uint8Array.of(2))),
      storageProof: [
        { key: ZERO_KEY, value: '0x0', proof: ['0xc0'] },
        { key: '0x1f', value: '0x1f', proof: ['0xc0'] },
        { key: '0x1f', value: '0x1f', proof: ['0xc0'] },
      ],
    });
    expect(asked[0]?.keys).toEqual([ZERO_HASH, bigIntToBytes32(31n), bigIntToBytes32(31n)]);
  });

  test('an account that does not exist has the hashes of an empty one', async () => {
    account = undefined;
    expect(await rpc.result('eth_getProof', ALICE.address, [])).toMatchObject({
      balance: '0x0',
      nonce: '0x0',
      codeHash: toHex(EMPTY_CODE_HASH),
      storageHash: toHex(EMPTY_TRIE_ROOT),
      storageProof: [],
    });
  });

  test('is of sealed blocks: latest and pending are the newest sealed one, also while a block is open', async () => {
    const sealed = rpc.chain.seal();
    rpc.chain.mine();
    rpc.chain.safe = 0;
    const { stateRoot } = sealed.header;
    const blocks = [undefined, 'latest', 'pending', 'safe', '0x0', toHex(sealed.hash), { blockHash: toHex(sealed.hash) }];
    for (const block of blocks) await rpc.result('eth_getProof', ALICE.address, [], ...(block === undefined ? [] : [block]));
    expect(asked.map((request) => request.stateRoot)).toEqual(blocks.map(() => stateRoot));
    expect((await rpc.call('eth_getProof', ALICE.address, [], '0xff')).error).toMatchObject({
      code: -32_000,
      message: 'header not found',
    });
    expect((await rpc.call('eth_getProof', ALICE.address, [], toHex(ZERO_HASH))).error?.code).toBe(-32_000);
    rpc.chain.safe = undefined;
    expect((await rpc.call('eth_getProof', ALICE.address, [], 'safe')).error?.code).toBe(-39_001);
  });

  test('says that tries of old blocks are not kept, that a node has none, and that it is busy', async () => {
    const fails = (code: string, meta = {}): void => {
      rpc.chain.stateProofs = { prove: () => Promise.reject(new StrobeError(code, 'too many proofs wait to be made', meta)) };
    };
    fails('PROOF_NOT_AVAILABLE', { blocks: 128 });
    expect((await rpc.call('eth_getProof', ALICE.address, [], '0x0')).error).toEqual({
      code: -32_000,
      message:
        'distance to target block exceeds maximum proof window: the tries of block 0 are not kept, those of the newest 128 are',
    });
    fails('PROOF_NOT_AVAILABLE', { blocks: 128, oldest: 7 });
    expect((await rpc.call('eth_getProof', ALICE.address, [], '0x0')).error?.message).toContain(
      'the tries of block 0 are not kept, those from block 7 on are',
    );
    for (const limit of ['PROOFS_BUSY', 'PROOF_TIMEOUT']) {
      fails(limit);
      expect((await rpc.call('eth_getProof', ALICE.address, [])).error?.code).toBe(-32_005);
    }
    fails('ARCHIVE_ROOT_WRONG');
    expect((await rpc.call('eth_getProof', ALICE.address, [])).error?.code).toBe(-32_000);
    rpc.chain.stateProofs = undefined;
    const { error } = await rpc.call('eth_getProof', ALICE.address, []);
    expect(error).toMatchObject({ code: -32_004, message: expect.stringContaining('--trie') });
  });

  test('refuses too many keys and wrong ones', async () => {
    const keys = (count: number) => Array.from({ length: count }, (_, i) => `0x${i.toString(16)}`);
    expect((await rpc.result('eth_getProof', ALICE.address, keys(1_024))).storageProof).toHaveLength(1_024);
    for (const wrong of [keys(1_025), 'none', null, ['0xzz'], [`0x${'11'.repeat(33)}`], [5]]) {
      expect((await rpc.call('eth_getProof', ALICE.address, wrong)).error?.code).toBe(-32_602);
    }
  });
});

describe('strobe_getReceiptProof', () => {
  test('is of sealed transactions only', async () => {
    const raw = await signTransfer({ nonce: 0 });
    const hash = toHex(keccak256(fromHex(raw)));
    expect(await rpc.result('strobe_getReceiptProof', hash)).toBeNull();
    await rpc.result('eth_sendRawTransaction', raw);
    rpc.chain.mine();
    expect(await rpc.result('strobe_getReceiptProof', hash)).toBeNull();
    const block = rpc.chain.seal();
    const proof = await rpc.result('strobe_getReceiptProof', hash);
    expect(proof).toMatchObject({
      blockNumber: `0x${block.header.number.toString(16)}`,
      blockHash: toHex(block.hash),
      transactionIndex: '0x0',
      previousReceiptProof: [],
    });
    // One leaf is the whole trie.
    expect(proof.transactionProof).toHaveLength(1);
    expect(proof.transactionProof[0]).toContain(raw.slice(2));
    expect(proof.receiptProof).toHaveLength(1);
  });
});
