import type { Block, ReceiptProver } from '../protocol/ports/chain.ts';
import type { ReceiptProof } from '../protocol/ports/proofs.ts';
import { encodeReceipt } from '../protocol/receipt.ts';
import type { Bytes } from '../util/bytes.ts';
import { invariant, StrobeError } from '../util/errors.ts';
import type { ReceiptTriesHost } from './receipt-tries-host.ts';

/** Receipts encoded before others have their turn: about a millisecond. */
const RECEIPTS_PER_SLICE = 64;
/** Requests that wait for the tries of a block; most find them ready. */
const MAX_WAITING = 256;

/** Proves receipts one block after the other; the tries are another thread's. */
export class BlockReceiptProver implements ReceiptProver {
  readonly #host: Pick<ReceiptTriesHost, 'build' | 'prove'>;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(host: Pick<ReceiptTriesHost, 'build' | 'prove'>) {
    this.#host = host;
  }

  async prove(block: Block, index: number): Promise<ReceiptProof> {
    if (this.#waiting === MAX_WAITING) {
      throw new StrobeError('PROOFS_BUSY', 'too many proofs wait to be made', { waiting: this.#waiting });
    }
    this.#waiting++;
    const proof = this.#last.then(() => this.#prove(block, index));
    this.#last = proof.catch(() => {});
    return proof.finally(() => this.#waiting--);
  }

  async #prove(block: Block, index: number): Promise<ReceiptProof> {
    const request = { blockHash: block.hash, index };
    const known = await this.#host.prove(request);
    if (known !== undefined) return known;
    const transactions = block.transactions.map(({ transaction }) => transaction.raw);
    await this.#host.build({ blockHash: block.hash, transactions, receipts: await encodeReceipts(block) });
    const proof = await this.#host.prove(request);
    invariant(proof !== undefined, 'a block that was just built is there');
    return proof;
  }
}

async function encodeReceipts({ transactions }: Block): Promise<Bytes[]> {
  const receipts: Bytes[] = [];
  for (const { receipt } of transactions) {
    receipts.push(encodeReceipt(receipt));
    if (receipts.length % RECEIPTS_PER_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return receipts;
}
