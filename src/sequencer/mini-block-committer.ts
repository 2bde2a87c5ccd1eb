import type { BlockEnvironment } from '../protocol/block-header.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import { encodeBody, MINI_BLOCK_VERSION, type MiniBlock, signMiniBlock } from '../protocol/mini-block.ts';
import type { AppliedMiniBlock } from '../protocol/ports/chain.ts';
import type { RowDiff } from '../protocol/row-diff.ts';
import type { Bytes } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import type { ExecutedBatch } from './mini-block-builder.ts';
import type { SequencerModules, SequencerOptions } from './sequencer-modules.ts';

type CommitterModules = Pick<
  SequencerModules,
  'signer' | 'world' | 'mempool' | 'roots' | 'chainState' | 'log' | 'codec' | 'gossip' | 'clock'
>;

/**
 * Makes an executed batch a mini-block. The order is fixed: sign, log and sync, then state, then everyone else; so
 * nothing that anyone was told is lost (PROTOCOL section 6).
 */
export class MiniBlockCommitter {
  readonly #options: Pick<SequencerOptions, 'identity'>;
  readonly #modules: CommitterModules;

  constructor(options: Pick<SequencerOptions, 'identity'>, modules: CommitterModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** @throws StrobeError LOG_FAILED when it could not be made durable: nothing was applied or published then */
  async commit(env: BlockEnvironment, batch: ExecutedBatch, epoch: number): Promise<AppliedMiniBlock> {
    const { world, mempool, chainState, codec, log, roots, gossip } = this.#modules;
    const changes = world.takeDiff();
    // Holds until it is applied: nobody else changes the committed state.
    const diff = codec.resolve(changes);
    const diffBytes = codec.canonicalBytes(diff);
    const miniBlock = this.#sign(env, batch, { diff, diffBytes }, epoch);
    const message = encodeSequencerMessage({ kind: 'miniBlock', miniBlock });
    await log.append([{ number: miniBlock.envelope.number, bytes: message }]);
    const body = { transactions: batch.transactions, receipts: batch.receipts };
    const applied = chainState.apply({ miniBlock, env, diff, body, decoded: batch.decoded, logRecord: message });
    world.release();
    mempool.committed(batch.decoded);
    mempool.follow(changes);
    roots.append({ miniBlockBytes: message.subarray(1), diffBytes });
    gossip.publish('mini-blocks', message);
    return applied;
  }

  #sign(
    env: BlockEnvironment,
    batch: ExecutedBatch,
    { diff, diffBytes }: { readonly diff: RowDiff; readonly diffBytes: Bytes },
    epoch: number,
  ): MiniBlock {
    const { identity } = this.#options;
    const { chainState, codec, signer, clock } = this.#modules;
    const parent = chainState.head();
    const index = chainState.openBlock()?.nextIndex ?? 0;
    const number = parent.number + 1;
    const diffPayload = codec.encode(diff, { number, parentDigest: parent.digest });
    const body = encodeBody({ transactions: batch.transactions, receipts: batch.receipts });
    const { envelope, digest } = signMiniBlock(
      {
        version: MINI_BLOCK_VERSION,
        genesisHash: identity.genesisHash,
        chainId: identity.chainId,
        epoch,
        number,
        parentDigest: parent.digest,
        blockNumber: env.number,
        index,
        timestampUs: Math.max(Math.floor(clock.nowMs() * 1000), parent.timestampUs + 1),
        env: index === 0 ? env : undefined,
        transactionsDigest: body.transactionsDigest,
        receiptsDigest: body.receiptsDigest,
        stateDiffDigest: keccak256(diffBytes),
        diffPayloadDigest: keccak256(diffPayload),
        bodyPayloadDigest: keccak256(body.payload),
      },
      signer,
    );
    return { envelope, digest, diffPayload, bodyPayload: body.payload };
  }
}
