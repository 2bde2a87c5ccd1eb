import { afterEach, expect, test } from 'vitest';
import { encodeReceipt } from '../../../src/protocol/receipt.ts';
import { BlockReceiptProver } from '../../../src/state/block-receipt-prover.ts';
import { indexTrie, indexTrieKey } from '../../../src/state/index-trie.ts';
import {
  createInlineReceiptTries,
  type ReceiptTriesHost,
  startReceiptTriesThread,
} from '../../../src/state/receipt-tries-host.ts';
import { verifyProof } from '../../../src/state/trie-proof.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { LOGGER } from '../../support/fake-contracts.ts';
import { RpcHarness, signEveryType, signTransfer } from '../../support/rpc-harness.ts';

const hosts: ReceiptTriesHost[] = [];
const use = (host: ReceiptTriesHost): ReceiptTriesHost => {
  hosts.push(host);
  return host;
};
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop();
});

async function blockOf(count: number) {
  const { chain } = new RpcHarness();
  const raws = await signEveryType(0);
  while (raws.length < count)
    raws.push(await signTransfer({ nonce: raws.length, to: toHex(LOGGER), data: `0x${'07'.repeat(32)}` }));
  for (const raw of raws) await chain.backend.transactions.submit(Buffer.from(raw.slice(2), 'hex'));
  return chain.seal();
}

test('every receipt is proven with its transaction and the receipt before it, by thread and inline', async () => {
  const block = await blockOf(20);
  const raws = block.transactions.map(({ transaction }) => new Uint8Array(transaction.raw));
  const receipts = block.transactions.map(({ receipt }) => encodeReceipt(receipt));
  const roots = { transactions: indexTrie(raws).root(), receipts: indexTrie(receipts).root() };
  for (const host of [use(createInlineReceiptTries()), use(startReceiptTriesThread())]) {
    const prover = new BlockReceiptProver(host);
    const proofs = await Promise.all(receipts.map((_, index) => prover.prove(block, index)));
    for (const [index, { transactionProof, receiptProof, previousReceiptProof }] of proofs.entries()) {
      const key = indexTrieKey(index);
      expect(verifyProof(roots.transactions, key, transactionProof)).toEqual(raws[index]);
      expect(verifyProof(roots.receipts, key, receiptProof)).toEqual(receipts[index]);
      if (index === 0) expect(previousReceiptProof).toEqual([]);
      else expect(verifyProof(roots.receipts, indexTrieKey(index - 1), previousReceiptProof)).toEqual(receipts[index - 1]);
    }
  }
});

test('the tries of a block are built once, and those of the block least lately asked for go first', async () => {
  const built: string[] = [];
  const host = createInlineReceiptTries();
  const prover = new BlockReceiptProver({
    build: (items) => {
      built.push(toHex(items.blockHash));
      return host.build(items);
    },
    prove: (request) => host.prove(request),
  });
  const template = await blockOf(5);
  const blocks = Array.from({ length: 5 }, (_, i) => ({ ...template, hash: new Uint8Array(32).fill(i + 1) }));
  const ask = async (index: number) => prover.prove(blocks[index] as (typeof blocks)[0], 0);
  for (const index of [0, 1, 2, 3, 0, 0, 4, 0, 1]) await ask(index);
  expect(built).toEqual([0, 1, 2, 3, 4, 1].map((index) => toHex((blocks[index] as (typeof blocks)[0]).hash)));
});
