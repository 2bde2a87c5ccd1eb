import { isAttestationRecord } from '../protocol/attestation-record.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { PeerReader } from '../protocol/ports/network.ts';
import type { Bytes } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { itemsUntilAborted } from '../util/until-aborted.ts';
import { Wakeup } from '../util/wakeup.ts';
import type { FullNodeLimits, FullNodeLogger } from './full-node-options.ts';

export type AttestationSyncOptions = Pick<FullNodeLimits, 'attestationGraceMs'>;

export interface AttestationSyncModules {
  readonly peers: Pick<PeerReader, 'range' | 'refuse'>;
  readonly chain: Pick<ChainReader, 'sealOf'>;
  /** The block above the safe one, while it lacks attestations. */
  readonly firstUnattested: () => Promise<number | undefined>;
  /** @throws StrobeError RANGE_INVALID for records that are the peer's fault */
  readonly apply: (records: readonly Bytes[]) => Promise<unknown>;
  readonly logger: FullNodeLogger;
}

/** The longest pause is this many times the first: while provers are down there is nothing to be had. */
const MAX_BACKOFF_FACTOR = 16;
/** Records read for one block: its last mini-block, its seal, epoch starts, and an attestation of each prover. */
const MAX_RECORDS = 1_024;

/**
 * Fetches attestations that gossip lost or that were made while this node was away: a peer sends them behind the
 * block's seal. It asks for one block at a time, when the safe head has stood still for a while.
 */
export class AttestationSync {
  readonly #options: AttestationSyncOptions;
  readonly #modules: AttestationSyncModules;
  readonly #pause = new Wakeup();

  constructor(options: AttestationSyncOptions, modules: AttestationSyncModules) {
    this.#options = options;
    this.#modules = modules;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { attestationGraceMs } = this.#options;
    let waitMs = attestationGraceMs;
    let lacking: number | undefined;
    while (!signal.aborted) {
      await this.#pause.wait(signal, waitMs);
      const before = lacking;
      lacking = await this.#modules.firstUnattested();
      if (lacking === undefined || lacking !== before) {
        waitMs = attestationGraceMs;
        continue;
      }
      waitMs = Math.min(waitMs * 2, attestationGraceMs * MAX_BACKOFF_FACTOR);
      lacking = await this.#fetchFrom(lacking, signal);
    }
  }

  /** Goes on for as long as each block gets what it lacks; returns the first that does not. */
  async #fetchFrom(blockNumber: number, signal: AbortSignal): Promise<number | undefined> {
    let lacking: number | undefined = blockNumber;
    while (lacking !== undefined && !signal.aborted) {
      await this.#fetch(lacking, signal);
      const next = await this.#modules.firstUnattested();
      if (next === lacking) break;
      lacking = next;
    }
    return lacking;
  }

  async #fetch(blockNumber: number, signal: AbortSignal): Promise<void> {
    const { chain, peers, apply, logger } = this.#modules;
    const seal = await chain.sealOf(blockNumber);
    if (seal === undefined) return;
    const answer = peers.range(seal.lastNumber, 1);
    const attestations: Bytes[] = [];
    let read = 0;
    try {
      for await (const record of itemsUntilAborted(answer, signal)) {
        if (isAttestationRecord(record)) attestations.push(record);
        if (++read === MAX_RECORDS) break;
      }
    } catch (error) {
      logger.debug({ blockNumber }, `no attestations from peers: ${errorMessage(error)}`);
    }
    if (attestations.length === 0) return;
    try {
      await apply(attestations);
    } catch (error) {
      if (!isStrobeError(error, 'RANGE_INVALID')) throw error;
      peers.refuse(answer, { code: error.code, isForged: error.meta['isForged'] === true });
      logger.warn({ blockNumber }, `a peer's attestations are no good: ${error.message}`);
    }
  }
}
