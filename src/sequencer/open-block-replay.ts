import { decodeLogRecord } from '../protocol/log-record.ts';
import { decodeBody, encodeMiniBlock, type MiniBlock } from '../protocol/mini-block.ts';
import type { ExecutionEngine } from '../protocol/ports/execution.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { WorldState } from '../protocol/ports/state.ts';
import { encodeStateDiff } from '../protocol/state-diff.ts';
import { decodeTransaction } from '../protocol/transaction.ts';
import type { ChainState } from '../state/chain-state.ts';
import type { RootsHost } from '../state/roots-host.ts';
import { bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';

export interface OpenBlockReplayModules {
  readonly log: MiniBlockLog;
  readonly chainState: ChainState;
  readonly world: WorldState;
  readonly engine: ExecutionEngine;
  readonly roots: RootsHost;
}

/**
 * Executes the mini-blocks of the block that was open when the sequencer stopped once more on the state of the sealed
 * head. Their diffs are in the log, but not which keys they read, and the block's witness needs those. Every diff must
 * come out as it was signed.
 * @throws StrobeError REPLAY_DIVERGED when execution gives another diff: the log belongs to another version or is wrong
 */
export async function replayOpenBlock(modules: OpenBlockReplayModules): Promise<number> {
  const { log, chainState } = modules;
  const from = chainState.head().number + 1;
  let replayed = 0;
  for await (const { bytes } of log.read(from)) {
    const record = decodeLogRecord(bytes);
    if (record.kind !== 'miniBlock' || record.miniBlock.envelope.number < from) continue;
    await replayMiniBlock(record.miniBlock, modules);
    replayed++;
  }
  return replayed;
}

async function replayMiniBlock(miniBlock: MiniBlock, modules: OpenBlockReplayModules): Promise<void> {
  const { chainState, world, engine, roots } = modules;
  const { envelope } = miniBlock;
  const env = envelope.env ?? chainState.openBlock()?.env;
  if (env === undefined) throw diverged(envelope.number, 'no block is open');
  const body = decodeBody(miniBlock.bodyPayload, envelope);
  const decoded = body.transactions.map(({ raw }) => decodeTransaction(raw));
  if (envelope.index === 0) await engine.beginBlock(env);
  for (const [position, transaction] of decoded.entries()) {
    const sender = body.transactions[position]?.sender;
    if (sender === undefined) throw diverged(envelope.number, 'a sender is missing');
    const outcome = await engine.execute({ transaction, sender });
    if (outcome.kind === 'rejected') throw diverged(envelope.number, `a transaction is refused now: ${outcome.message}`);
  }
  const diff = world.takeDiff();
  const diffBytes = encodeStateDiff(diff);
  if (!bytesEqual(keccak256(diffBytes), envelope.stateDiffDigest)) throw diverged(envelope.number, 'the diff differs');
  chainState.apply({ miniBlock, env, diff, body, decoded });
  world.release();
  roots.append({ miniBlockBytes: encodeMiniBlock(miniBlock), diffBytes });
}

function diverged(number: number, reason: string): StrobeError<'REPLAY_DIVERGED'> {
  return new StrobeError('REPLAY_DIVERGED', `executing mini-block ${number} again differs from the log: ${reason}`, {
    number,
  });
}
