import { beforeAll, describe, expect, it } from 'vitest';
import { hashHeader } from '../../../src/protocol/block-header.ts';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import type { BlockJob } from '../../../src/prover-stub/block-job.ts';
import { reexecuteBlock } from '../../../src/prover-stub/re-execute.ts';
import { isStrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import type { ExecutedBlock } from '../../support/executed-chain.ts';
import { testAccount } from '../../support/test-accounts.ts';
import { buildRichChain, jobOf, type RichChain } from './blocks.ts';
import { type Forgery, forge } from './forge.ts';

let rich: RichChain;
beforeAll(async () => {
  rich = await buildRichChain();
});

/** The reasons of a disagreement, none for agreement, or the code of what was thrown. */
async function outcome(block: ExecutedBlock, change: Partial<BlockJob> = {}): Promise<readonly string[] | string> {
  try {
    const verdict = await reexecuteBlock({ ...jobOf(block), ...change }, rich.rules);
    return verdict.kind === 'agrees' ? [] : verdict.reasons;
  } catch (error) {
    if (isStrobeError(error)) return error.code;
    throw error;
  }
}

const forged = (block: ExecutedBlock, forgery: Forgery) => outcome(forge(block, forgery));

describe('an honest block', () => {
  it('agrees in every value, for transfers, deployments, reverts, deletions, EIP-7702, EIP-6780 and BLOCKHASH', async () => {
    for (const block of rich.blocks) {
      const { seal } = block;
      const parent = rich.chain.headers[seal.header.number - 1];
      const verdict = await reexecuteBlock(jobOf(block), rich.rules);
      expect(verdict).toEqual({
        kind: 'agrees',
        transactions: block.receipts.length,
        computed: {
          blockNumber: seal.header.number,
          blockHash: hashHeader(seal.header),
          preStateRoot: parent?.stateRoot,
          postStateRoot: seal.header.stateRoot,
          stateDiffDigest: seal.stateDiffDigest,
          receiptsRoot: seal.header.receiptsRoot,
          lastMiniBlockDigest: seal.lastDigest,
        },
      });
    }
  });

  it('covers a failed call and a log', () => {
    const { busy } = rich.named;
    expect(busy.receipts.map((receipt) => receipt.status)).toContain(0);
    expect(busy.receipts.some((receipt) => receipt.logs.length > 0)).toBe(true);
  });
});

describe('header rules', () => {
  it.each<[string, Forgery, string]>([
    ['stateRoot', { header: { stateRoot: ZERO_HASH } }, 'stateRoot'],
    ['transactionsRoot', { header: { transactionsRoot: ZERO_HASH } }, 'transactionsRoot'],
    ['receiptsRoot', { header: { receiptsRoot: ZERO_HASH } }, 'receiptsRoot'],
    ['logsBloom', { header: { logsBloom: new Uint8Array(256).fill(1) } }, 'logsBloom'],
    ['gasUsed', { header: { gasUsed: 1n } }, 'gasUsed'],
    ['extraData', { header: { extraData: Uint8Array.of(1) } }, 'extraData'],
    ['gasLimit', { header: { gasLimit: 7n } }, 'gasLimit'],
    ['coinbase', { header: { coinbase: new Uint8Array(20) } }, 'coinbase'],
    ['prevRandao', { header: { prevRandao: ZERO_HASH } }, 'prevRandao'],
    ['baseFeePerGas', { header: { baseFeePerGas: 2n } }, 'baseFeePerGas'],
    ['timestamp', { header: { timestamp: 1 } }, 'timestamp'],
    ['number', { header: { number: 9 } }, 'number'],
    ['stateDiffDigest of the seal', { seal: { stateDiffDigest: ZERO_HASH } }, 'stateDiffDigest'],
    ['epoch of the seal', { seal: { epoch: 0 } }, 'epoch'],
  ])('refuses a wrong %s', async (_, forgery, field) => {
    const reasons = await forged(rich.named.busy, forgery);
    expect(reasons).toContainEqual(expect.stringMatching(new RegExp(`^(?:header|seal): .*${field}`)));
  });

  it('says nothing about a block whose parent it cannot see', async () => {
    expect(await forged(rich.named.busy, { header: { parentHash: ZERO_HASH } })).toBe('WITNESS_INCOMPLETE');
  });

  it('refuses a block that does not continue the one attested before', async () => {
    const { deployments, transfers } = rich.named;
    const { lastNumber, lastDigest } = transfers.seal;
    const previous = { blockHash: transfers.hash, lastNumber, lastDigest };
    expect(await outcome(deployments, { previous })).toEqual([]);
    expect(await outcome(deployments, { previous: { ...previous, blockHash: ZERO_HASH } })).toHaveLength(1);
    expect(await outcome(deployments, { previous: { ...previous, lastNumber: 1 } })).toHaveLength(1);
    expect(await outcome(deployments, { previous: { ...previous, lastDigest: ZERO_HASH } })).toHaveLength(1);
  });

  it('refuses a first block on another genesis block', async () => {
    const { parentDigest } = rich.named.transfers.miniBlocks[0]?.envelope ?? {};
    expect(parentDigest).toEqual(rich.rules.genesisHash);
    const reasons = await forged(rich.named.transfers, { envelopes: new Map([[0, { parentDigest: ZERO_HASH }]]) });
    expect(reasons).toEqual([expect.stringContaining('parentDigest')]);
  });
});

describe('mini-block rules', () => {
  it('refuses an environment that is not the header’s', async () => {
    const env = rich.named.busy.miniBlocks[0]?.envelope.env;
    if (env === undefined) throw new Error('the first mini-block has an environment');
    for (const [field, value] of Object.entries({
      timestamp: env.timestamp + 1,
      prevRandao: ZERO_HASH,
      baseFeePerGas: 1n,
      gasLimit: 99_000_000n,
    })) {
      const reasons = await forged(rich.named.busy, { envelopes: new Map([[0, { env: { ...env, [field]: value } }]]) });
      expect(reasons).toContainEqual(expect.stringMatching(`^environment: ${field}`));
    }
  });

  it.each<[string, Forgery['envelopes'], string]>([
    ['an index that jumps', new Map([[1, { index: 5 }]]), 'index'],
    ['a number that jumps', new Map([[2, { number: 99 }]]), 'number'],
    ['another block number', new Map([[1, { blockNumber: 50 }]]), 'blockNumber'],
    ['a clock that stands still', new Map([[1, { timestampUs: 1 }]]), 'timestampUs'],
    ['an epoch that goes back', new Map([[1, { epoch: 0 }]]), 'epoch'],
    ['a wrong stateDiffDigest', new Map([[1, { stateDiffDigest: ZERO_HASH }]]), 'stateDiffDigest'],
    ['a wrong receiptsDigest', new Map([[1, { receiptsDigest: ZERO_HASH }]]), 'body cannot be read'],
    ['a wrong transactionsDigest', new Map([[1, { transactionsDigest: ZERO_HASH }]]), 'body cannot be read'],
  ])('refuses %s', async (_, envelopes, reason) => {
    expect(await forged(rich.named.busy, { envelopes: envelopes ?? new Map() })).toContainEqual(
      expect.stringMatching(new RegExp(`^mini-block .*${reason}`)),
    );
  });

  it('refuses a changed receipt', async () => {
    for (const wrong of [{ status: 0 as const }, { cumulativeGasUsed: 1n }, { logs: [] }]) {
      const reasons = await forged(rich.named.busy, {
        body: {
          at: 1,
          change: (body) => ({
            ...body,
            receipts: [
              ...body.receipts.slice(0, -1),
              { ...body.receipts[3], type: 2, status: 1, cumulativeGasUsed: 0n, logs: [], ...wrong },
            ],
          }),
        },
      });
      expect(reasons).toEqual([expect.stringMatching(/receiptsDigest differs$/)]);
    }
  });

  it('refuses a false sender', async () => {
    const { address } = testAccount('thief');
    const reasons = await forged(rich.named.transfers, {
      body: {
        at: 0,
        change: (body) => ({ ...body, transactions: body.transactions.map(({ raw }) => ({ raw, sender: address })) }),
      },
    });
    expect(reasons).toEqual([
      expect.stringMatching('transaction 0: the sender is'),
      expect.stringMatching('transaction 1: the sender is'),
    ]);
  });

  it('refuses a value, a missing key and a foreign code in a diff, in whichever mini-block', async () => {
    const { busy } = rich.named;
    for (const at of busy.miniBlocks.keys()) {
      const reason = expect.stringMatching(`^mini-block ${busy.seal.firstNumber + at}: stateDiffDigest differs$`);
      const lies: NonNullable<Forgery['diff']>['change'][] = [
        (diff) => ({
          ...diff,
          accounts: diff.accounts.map((account) =>
            account.balance === undefined ? account : { ...account, balance: account.balance + 1n },
          ),
        }),
        (diff) => ({ ...diff, accounts: diff.accounts.slice(1) }),
        (diff) => ({ ...diff, codes: [Uint8Array.of(1, 2, 3)] }),
      ];
      for (const change of lies) expect(await forged(busy, { diff: { at, change } })).toContainEqual(reason);
    }
  });

  it('refuses a diff that is not the one signed', async () => {
    const payload = Uint8Array.of(9, 9);
    const block = forge(rich.named.transfers, { envelopes: new Map([[1, { diffPayloadDigest: keccak256(payload) }]]) });
    const encoded = forge(
      {
        ...block,
        miniBlocks: block.miniBlocks.map((miniBlock, at) => (at === 1 ? { ...miniBlock, diffPayload: payload } : miniBlock)),
      },
      {},
    );
    expect(await outcome(encoded)).toEqual([expect.stringContaining('the published diff cannot be read')]);
  });

  it('cannot tell a withheld code from one that the chain has, but accepts no change of state with it', async () => {
    const { deployments } = rich.named;
    const change: NonNullable<Forgery['diff']>['change'] = (diff) => ({ ...diff, codes: diff.codes.slice(1) });
    const reasons = await forged(deployments, { diff: { at: 0, change } });
    // The block's own diff lists it, so that contradicts.
    expect(reasons).toEqual(['seal: stateDiffDigest differs']);
  });
});

describe('transactions that do not belong in the block', () => {
  it('refuses a repeated transaction and gives the state behind the mini-block before', async () => {
    const { transfers } = rich.named;
    const block = forge(transfers, {
      body: {
        at: 2,
        change: (body) => ({
          transactions: [...body.transactions, ...body.transactions],
          receipts: [...body.receipts, ...body.receipts],
        }),
      },
    });
    const verdict = await reexecuteBlock(jobOf(block), rich.rules);
    expect(verdict).toMatchObject({ kind: 'disagrees', transactions: 2 });
    expect(verdict.kind === 'disagrees' && verdict.reasons[0]).toMatch(/transaction 1: the tx doesn't have the correct nonce/);
    expect(verdict.computed.postStateRoot).not.toEqual(transfers.seal.header.stateRoot);
  });

  it.each<[string, Uint8Array]>([
    ['a blob transaction', Uint8Array.of(3, 0xc0)],
    ['an unknown type', Uint8Array.of(0x7f, 1)],
    ['garbage', Uint8Array.of(0xc1, 0x80)],
    ['nothing', new Uint8Array(0)],
  ])('refuses %s', async (_, raw) => {
    const reasons = await forged(rich.named.transfers, {
      body: { at: 0, change: (body) => ({ ...body, transactions: body.transactions.map(({ sender }) => ({ raw, sender })) }) },
    });
    expect(reasons).toContainEqual(expect.stringMatching(/^mini-block 1: transaction 0: /));
  });
});

describe('a job that is not what the sequencer signed', () => {
  it('is refused with a code', async () => {
    const { busy, transfers } = rich.named;
    expect(await outcome(forge(busy, { signer: 'somebody' }))).toBe('UNKNOWN_SIGNER');
    const miniBlocks = forge(busy, { signer: 'somebody' }).encodedMiniBlocks;
    expect(await outcome(busy, { miniBlocks })).toBe('UNKNOWN_SIGNER');
    expect(await outcome(busy, { miniBlocks: transfers.encodedMiniBlocks })).toBe('INVALID_BLOCK_JOB');
    expect(await outcome(busy, { miniBlocks: busy.encodedMiniBlocks.slice(1) })).toBe('INVALID_BLOCK_JOB');
    expect(await outcome(busy, { witness: transfers.witness })).toBe('WITNESS_DIGEST_MISMATCH');
    expect(await outcome(busy, { seal: busy.encodedSeal.subarray(1) })).toBe('INVALID_RLP');
    const elsewhere = { ...rich.rules, genesisHash: ZERO_HASH };
    await expect(reexecuteBlock(jobOf(busy), elsewhere)).rejects.toMatchObject({ code: 'INVALID_BLOCK_JOB' });
  });
});
