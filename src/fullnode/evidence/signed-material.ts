import type { Attestation } from '../../protocol/attestation.ts';
import type { AttestedBlock } from '../../protocol/attestation-agreement.ts';
import type { BlockHeader } from '../../protocol/block-header.ts';
import type { ChainIdentity, Genesis } from '../../protocol/genesis.ts';
import { decodeSequencerMessage, type SequencerMessage } from '../../protocol/log-record.ts';
import type { MiniBlock } from '../../protocol/mini-block.ts';
import type { Address, Hash } from '../../protocol/primitives.ts';
import { type BlockSeal, blockHashOf, type EpochStart } from '../../protocol/sequencer-messages.ts';
import { assertSignedBy } from '../../protocol/signing.ts';
import { validateAttestation } from '../../protocol/validate-attestation.ts';
import { genesisHashOf, signedPart } from '../../protocol/validate-sequencer-message.ts';
import { type Bytes, bytesEqual, fromHex } from '../../util/bytes.ts';
import { isStrobeError } from '../../util/errors.ts';
import type { Evidence } from './evidence.ts';

/** The chain that evidence is judged by: what the genesis file says. */
export interface JudgedChain {
  readonly genesis: Genesis;
  readonly identity: ChainIdentity;
  /** Of block 0. */
  readonly genesisHeader: BlockHeader;
}

/** A message of the sequencer with a good signature. */
export interface SignedMessage {
  readonly message: SequencerMessage;
  readonly signer: Address;
  /** What the signature covers. */
  readonly digest: Hash;
}

export interface SignedAttestation {
  readonly attestation: Attestation;
  readonly prover: Address;
}

/** First byte of an RLP list: an attestation has no kind byte in front. */
const FIRST_LIST_BYTE = 0xc0;

/** The messages of one piece of evidence whose signatures are good; all others count for nothing. */
export class SignedMaterial {
  /** Held against somebody. */
  readonly accused: readonly SignedMessage[];
  /** These and what completes the proof. */
  readonly messages: readonly SignedMessage[];
  readonly accusedAttestations: readonly SignedAttestation[];
  readonly attestations: readonly SignedAttestation[];
  /** Messages that nobody signed who may, or that cannot be read. */
  readonly refused: number;
  readonly #chain: JudgedChain;

  constructor({ messages, context = [] }: Evidence, chain: JudgedChain) {
    this.#chain = chain;
    const accused = messages.map((message) => this.#read(fromHex(message)));
    const added = context.map((message) => this.#read(fromHex(message)));
    const isMessage = (read: Read): read is SignedMessage => read !== undefined && 'message' in read;
    const isAttestation = (read: Read): read is SignedAttestation => read !== undefined && 'attestation' in read;
    this.accused = accused.filter(isMessage);
    this.messages = [...this.accused, ...added.filter(isMessage)];
    this.accusedAttestations = accused.filter(isAttestation);
    this.attestations = [...this.accusedAttestations, ...added.filter(isAttestation)];
    this.refused = [...accused, ...added].filter((read) => read === undefined).length;
  }

  #read(bytes: Bytes): Read {
    try {
      return (bytes[0] ?? 0) >= FIRST_LIST_BYTE ? this.#readAttestation(bytes) : this.#readMessage(bytes);
    } catch (error) {
      if (isStrobeError(error)) return undefined;
      throw error;
    }
  }

  #readMessage(bytes: Bytes): SignedMessage | undefined {
    const message = decodeSequencerMessage(bytes);
    const { genesis, identity } = this.#chain;
    if (!bytesEqual(genesisHashOf(message), identity.genesisHash)) return undefined;
    const { digest, signature } = signedPart(message);
    return { message, digest, signer: assertSignedBy(digest, signature, genesis.sequencerKeys) };
  }

  #readAttestation(bytes: Bytes): SignedAttestation | undefined {
    const { genesis, identity } = this.#chain;
    const { verdict, message } = validateAttestation(bytes, {
      ...{ identity, provers: genesis.provers, oldestBlock: 0, newestBlock: Number.MAX_SAFE_INTEGER },
      ...{ isKnown: () => false, isExcluded: () => false },
    });
    return verdict.kind === 'accept' ? message : undefined;
  }

  get seals(): readonly BlockSeal[] {
    return this.messages.flatMap(({ message }) => (message.kind === 'blockSeal' ? [message.blockSeal] : []));
  }

  get epochStarts(): readonly EpochStart[] {
    return this.messages.flatMap(({ message }) => (message.kind === 'epochStart' ? [message.epochStart] : []));
  }

  get miniBlocks(): readonly { readonly miniBlock: MiniBlock; readonly signer: Address }[] {
    return this.messages.flatMap(({ message, signer }) =>
      message.kind === 'miniBlock' ? [{ miniBlock: message.miniBlock, signer }] : [],
    );
  }

  /** The wrong mini-block: the last one among what is held against the sequencer. */
  get accusedMiniBlock(): { readonly miniBlock: MiniBlock; readonly signer: Address } | undefined {
    const last = this.accused.findLast(({ message }) => message.kind === 'miniBlock');
    return last?.message.kind === 'miniBlock' ? { miniBlock: last.message.miniBlock, signer: last.signer } : undefined;
  }

  get accusedSeal(): { readonly seal: BlockSeal; readonly signer: Address } | undefined {
    const last = this.accused.findLast(({ message }) => message.kind === 'blockSeal');
    return last?.message.kind === 'blockSeal' ? { seal: last.message.blockSeal, signer: last.signer } : undefined;
  }

  /** The mini-block with this digest: whoever names the digest as the one before cannot mean another. */
  miniBlock(digest: Hash): MiniBlock | undefined {
    return this.miniBlocks.find(({ miniBlock }) => bytesEqual(miniBlock.digest, digest))?.miniBlock;
  }

  /** A header that is proven by its hash, which names it: of block 0, or of a seal. */
  header(hash: Hash): BlockHeader | undefined {
    if (bytesEqual(hash, this.#chain.identity.genesisHash)) return this.#chain.genesisHeader;
    return this.seals.find((seal) => bytesEqual(blockHashOf(seal), hash))?.header;
  }

  /** A sealed block with the state root of the header that it names as its parent. */
  block(hash: Hash): AttestedBlock | undefined {
    const seal = this.seals.find((candidate) => bytesEqual(blockHashOf(candidate), hash));
    const parent = seal && this.header(seal.header.parentHash);
    return seal && parent && { seal, hash, preStateRoot: parent.stateRoot };
  }
}

type Read = SignedMessage | SignedAttestation | undefined;
