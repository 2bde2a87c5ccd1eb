import { encodeAttestation } from '../../protocol/attestation.ts';
import { agreesWith } from '../../protocol/attestation-agreement.ts';
import { decodeLogRecord, decodeSequencerMessage, encodeSequencerMessage, isMiniBlockRecord } from '../../protocol/log-record.ts';
import type { ChainReader } from '../../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../../protocol/ports/log.ts';
import type { BlockSeal } from '../../protocol/sequencer-messages.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { BlockDiffs } from '../block-diffs.ts';
import type { SealedBlock, SealedBlocks } from '../sealed-blocks.ts';
import { type EvidenceContext, MAX_CONTEXT_BYTES } from './evidence.ts';

export interface EvidenceCollectorModules {
  readonly log: Pick<MiniBlockLog, 'read'>;
  readonly chain: Pick<ChainReader, 'head' | 'sealOf' | 'safeNumber' | 'attestations'>;
  readonly sealedBlocks: Pick<SealedBlocks, 'get'>;
  readonly blockDiffs: Pick<BlockDiffs, 'get'>;
}

/**
 * Gathers, from what this node keeps, the signed messages and data that turn an accusation into a proof for somebody who
 * has the genesis file alone. It runs before anything is undone.
 */
export class EvidenceCollector {
  readonly #modules: EvidenceCollectorModules;

  constructor(modules: EvidenceCollectorModules) {
    this.#modules = modules;
  }

  /** Of a wrong mini-block with this number: what it continues, and the seal that its block builds on. */
  async ofMiniBlock(number: number): Promise<EvidenceContext> {
    const head = await this.#headSeal();
    const before = await this.#read(head?.lastNumber ?? 0, number - 1);
    // Newest first: where there is no room for all, the nearest tell most.
    return { context: [...seals(head), ...before.reverse()] };
  }

  /** Of a wrong seal of the open block: its mini-blocks and the seal before. */
  async ofOpenBlock(): Promise<EvidenceContext> {
    const head = await this.#headSeal();
    const miniBlocks = await this.#read((head?.lastNumber ?? 0) + 1, Number.MAX_SAFE_INTEGER);
    return { context: [...seals(head), ...miniBlocks] };
  }

  /** Of a wrong state root: the seal before, and the diff that does not lead to it. */
  async ofRoot(block: SealedBlock, witness: Bytes): Promise<EvidenceContext> {
    const netDiff = await this.#modules.blockDiffs.get(block.seal.header.number);
    return { context: await this.#parentOf(block.seal), netDiff, witness };
  }

  /** Of a wrong digest of a sealed block's net diff: the diff as it is here, and the seal before. */
  async ofDiff(seal: BlockSeal, netDiff: Bytes): Promise<EvidenceContext> {
    return { context: await this.#parentOf(seal), netDiff };
  }

  /** Of a wrong execution: everything that executing the block again takes. */
  async ofExecution({ seal }: SealedBlock, miniBlocks: readonly Bytes[], witness: Bytes): Promise<EvidenceContext> {
    return { context: [...(await this.#parentOf(seal)), ...miniBlocks], witness };
  }

  /** Of an epoch that starts below the safe block: that block's seal, and who attested it. */
  async ofSafeBlock(): Promise<EvidenceContext> {
    const safe = await this.#modules.sealedBlocks.get(this.#modules.chain.safeNumber() ?? 0);
    return safe === undefined ? {} : this.ofAttestations(safe);
  }

  /** Of attestations: the seal that they speak about, the one before it, and the attestations that agree with it. */
  async ofAttestations(block: SealedBlock): Promise<EvidenceContext> {
    const attestations = await this.#modules.chain.attestations(block.seal.header.number);
    const agreeing = attestations.filter((attestation) => agreesWith(attestation, block)).map(encodeAttestation);
    return { context: [...seals(block.seal), ...(await this.#parentOf(block.seal)), ...agreeing] };
  }

  /** The message of this node's chain that stands where `message` does, with another digest. */
  async rival(message: Bytes): Promise<Bytes | undefined> {
    const decoded = decodeSequencerMessage(message);
    switch (decoded.kind) {
      case 'blockSeal':
        return seals(await this.#modules.chain.sealOf(decoded.blockSeal.header.number))[0];
      case 'miniBlock':
        return this.#miniBlock(decoded.miniBlock.envelope.number);
      case 'heartbeat':
        return this.#miniBlock(decoded.heartbeat.number);
      case 'epochStart':
        return undefined;
    }
  }

  async #miniBlock(number: number): Promise<Bytes | undefined> {
    const records = await this.#read(number, number);
    return records.find(isMiniBlockRecord);
  }

  async #headSeal(): Promise<BlockSeal | undefined> {
    const { chain } = this.#modules;
    return chain.sealOf(chain.head().header.number);
  }

  async #parentOf({ header }: BlockSeal): Promise<Bytes[]> {
    const parent = await this.#modules.chain.sealOf(header.number - 1);
    return seals(parent);
  }

  /** Mini-blocks and epoch starts from `first` to `last`, as long as there is room for all. */
  async #read(first: number, last: number): Promise<Bytes[]> {
    const records: Bytes[] = [];
    let bytes = 0;
    for await (const entry of this.#modules.log.read(first)) {
      if (entry.number > last) break;
      if (decodeLogRecord(entry.bytes).kind === 'blockSeal') continue;
      records.push(entry.bytes);
      bytes += entry.bytes.length;
      if (bytes > MAX_CONTEXT_BYTES) break;
    }
    return records;
  }
}

function seals(seal: BlockSeal | undefined): Bytes[] {
  return seal === undefined ? [] : [encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal })];
}
