import {
  type BlockEnvironment,
  type BlockHeader,
  hashHeader,
  nextBaseFee,
  prevRandaoOf,
} from '../../../src/protocol/block-header.ts';
import { type ChainIdentity, chainIdentity, type Genesis, genesisHeader } from '../../../src/protocol/genesis.ts';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { encodeBody, MINI_BLOCK_VERSION, signMiniBlock } from '../../../src/protocol/mini-block.ts';
import { BEACON_ROOTS_CONTRACT, EMPTY_TRIE_ROOT, type Hash, HISTORY_CONTRACT } from '../../../src/protocol/primitives.ts';
import { BLOOM_BYTES } from '../../../src/protocol/receipt.ts';
import { blockSealDigest, epochStartDigest, withSignature, witnessDigest } from '../../../src/protocol/sequencer-messages.ts';
import type { Signer } from '../../../src/protocol/signing.ts';
import { type AccountDiff, createStateDiff, type StateDiff } from '../../../src/protocol/state-diff.ts';
import { type Bytes, bigIntToBytes32, EMPTY_BYTES } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import type { StreamState } from './stream-state.ts';

/** The only epoch of a stream. */
export const EPOCH = 1;
/** EIP-2935 and EIP-4788. */
const HISTORY_WINDOW = 8191;
/** Replicas take nothing that lies ahead of their clock: a stream's time begins with its genesis, long ago. */
const US_PER_SECOND = 1_000_000;
const MINI_BLOCK_US = 10_000;
/** A replica that serves no history needs diffs only, and no replica executes: bodies are empty, and no gas is used. */
const EMPTY_BODY = encodeBody({ transactions: [], receipts: [] });

interface OpenBlock {
  readonly env: BlockEnvironment;
  readonly firstNumber: number;
  miniBlocks: number;
}

/** Signs diffs into a chain of mini-blocks and sealed blocks that keeps every rule a replica checks. */
export class StreamBuilder {
  readonly identity: ChainIdentity;
  readonly #genesis: Genesis;
  readonly #state: StreamState;
  readonly #signer: Signer;
  #parent: BlockHeader;
  #open: OpenBlock | undefined;
  #last: { readonly number: number; readonly digest: Hash; readonly timestampUs: number };

  constructor(genesis: Genesis, modules: { readonly state: StreamState; readonly signer: Signer }) {
    const stateRoot = modules.state.root;
    this.identity = chainIdentity(genesis, stateRoot);
    this.#genesis = genesis;
    this.#state = modules.state;
    this.#signer = modules.signer;
    this.#parent = genesisHeader(genesis, stateRoot);
    this.#last = { number: 0, digest: this.identity.genesisHash, timestampUs: 0 };
  }

  /** Mini-blocks of the open block. */
  get openMiniBlocks(): number {
    return this.#open?.miniBlocks ?? 0;
  }

  epochStart(): Bytes {
    const { genesisHash } = this.identity;
    const unsigned = { genesisHash, epoch: EPOCH, lastNumber: 0, lastDigest: genesisHash, sequencerKey: this.#signer.address };
    const epochStart = withSignature(unsigned, epochStartDigest(unsigned), this.#signer);
    return encodeSequencerMessage({ kind: 'epochStart', epochStart });
  }

  /** The next mini-block; it opens a block when none is open. */
  miniBlock(changes: StateDiff): { readonly message: Bytes; readonly diffBytes: number } {
    const isFirst = this.#open === undefined;
    this.#open ??= this.#openBlock();
    const { env } = this.#open;
    const position = { number: this.#last.number + 1, parentDigest: this.#last.digest };
    const diff = isFirst ? withSystemCalls(changes, env) : changes;
    const { diffPayload, stateDiffDigest } = this.#state.commit(diff, position);
    const index = this.#open.miniBlocks++;
    const timestampUs = Math.max(this.#last.timestampUs + 1, env.timestamp * US_PER_SECOND + index * MINI_BLOCK_US);
    const { genesisHash, chainId } = this.identity;
    const signed = signMiniBlock(
      {
        version: MINI_BLOCK_VERSION,
        genesisHash,
        chainId,
        epoch: EPOCH,
        ...position,
        blockNumber: env.number,
        index,
        timestampUs,
        env: isFirst ? env : undefined,
        transactionsDigest: EMPTY_BODY.transactionsDigest,
        receiptsDigest: EMPTY_BODY.receiptsDigest,
        stateDiffDigest,
        diffPayloadDigest: keccak256(diffPayload),
        bodyPayloadDigest: keccak256(EMPTY_BODY.payload),
      },
      this.#signer,
    );
    this.#last = { number: position.number, digest: signed.digest, timestampUs };
    const miniBlock = { ...signed, diffPayload, bodyPayload: EMPTY_BODY.payload };
    return { message: encodeSequencerMessage({ kind: 'miniBlock', miniBlock }), diffBytes: diffPayload.length };
  }

  /** Seals the open block. Its witness is empty: nobody can prove the root by it, and replicas follow without. */
  seal(): Bytes {
    const { env, firstNumber } = this.#open ?? this.#openBlock();
    const { registryDigest, stateDiffDigest } = this.#state.seal(firstNumber, this.#last.number);
    const header: BlockHeader = {
      ...env,
      stateRoot: this.#state.root,
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      logsBloom: new Uint8Array(BLOOM_BYTES),
      gasUsed: 0n,
      extraData: EMPTY_BYTES,
    };
    const unsigned = {
      genesisHash: this.identity.genesisHash,
      epoch: EPOCH,
      header,
      firstNumber,
      lastNumber: this.#last.number,
      lastDigest: this.#last.digest,
      stateDiffDigest,
      registryDigest,
      witnessDigest: witnessDigest([keccak256(EMPTY_BYTES)]),
      witnessBytes: 0,
    };
    this.#parent = header;
    this.#open = undefined;
    const blockSeal = withSignature(unsigned, blockSealDigest(unsigned), this.#signer);
    return encodeSequencerMessage({ kind: 'blockSeal', blockSeal });
  }

  #openBlock(): OpenBlock {
    const parent = this.#parent;
    const parentHash = hashHeader(parent);
    const number = parent.number + 1;
    const env: BlockEnvironment = {
      number,
      parentHash,
      timestamp: parent.timestamp + 1,
      baseFeePerGas: nextBaseFee(parent, this.#genesis.baseFeeFloorWei),
      gasLimit: this.#genesis.gasLimit,
      coinbase: this.#genesis.feeRecipient,
      prevRandao: prevRandaoOf(parentHash, number),
    };
    return { env, firstNumber: this.#last.number + 1, miniBlocks: 0 };
  }
}

/** Adds what the system calls at the begin of a block write. */
function withSystemCalls({ accounts, codes }: StateDiff, { number, parentHash, timestamp }: BlockEnvironment): StateDiff {
  const written = (address: Bytes, slot: number, value: Hash): AccountDiff => {
    return { address, slots: [{ key: bigIntToBytes32(BigInt(slot % HISTORY_WINDOW)), value }] };
  };
  const history = written(HISTORY_CONTRACT, number - 1, parentHash);
  const beaconRoots = written(BEACON_ROOTS_CONTRACT, timestamp, bigIntToBytes32(BigInt(timestamp)));
  return createStateDiff([...accounts, history, beaconRoots], codes);
}
