import type { SignedAuthorization, TransactionSerializable, Hex as ViemHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { EthereumJsEngine } from '../../src/execution/ethereumjs/engine.ts';
import {
  type BlockEnvironment,
  type BlockHeader,
  encodeHeader,
  hashHeader,
  nextBaseFee,
  prevRandaoOf,
} from '../../src/protocol/block-header.ts';
import {
  type ChainIdentity,
  chainIdentity,
  type Genesis,
  type GenesisFile,
  genesisHeader,
  parseGenesis,
} from '../../src/protocol/genesis.ts';
import {
  type BodyTransaction,
  encodeBody,
  encodeMiniBlock,
  MINI_BLOCK_VERSION,
  type MiniBlock,
  signMiniBlock,
} from '../../src/protocol/mini-block.ts';
import type { CommittedState, StateAccess, WorldState } from '../../src/protocol/ports/state.ts';
import type { Hash } from '../../src/protocol/primitives.ts';
import type { Receipt } from '../../src/protocol/receipt.ts';
import { type BlockSeal, blockSealDigest, encodeBlockSeal, withSignature } from '../../src/protocol/sequencer-messages.ts';
import { encodeStateDiff, stateDiffDigest } from '../../src/protocol/state-diff.ts';
import { decodeTransaction } from '../../src/protocol/transaction.ts';
import { BlockRoots, type SealedWitness, type WitnessRequest } from '../../src/state/block-roots.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { type Bytes, EMPTY_BYTES, fromHex, toHex, toKey } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { ChainBuilder, type ChainBuilderOptions } from './chain-builder.ts';
import { defined } from './defined.ts';
import { MapState } from './map-state.ts';
import { plainDiffPayload } from './plain-diff.ts';
import { type TestAccount, testSigner } from './test-accounts.ts';

/** A transaction to sign and execute; type 2 unless it says otherwise. */
export interface CallSpec {
  readonly from: TestAccount;
  /** Absent: creates a contract. */
  readonly to?: Bytes;
  readonly value?: bigint;
  readonly data?: Bytes;
  readonly gas?: bigint;
  readonly type?: 'legacy' | 'eip2930' | 'eip1559' | 'eip7702';
  readonly authorizationList?: readonly SignedAuthorization[];
}

/** A sealed block in the forms that travel. */
export interface ExecutedBlock {
  readonly seal: BlockSeal;
  readonly hash: Hash;
  readonly miniBlocks: readonly MiniBlock[];
  readonly receipts: readonly Receipt[];
  readonly witness: Bytes;
  readonly chunkHashes: readonly Hash[];
  /** Wire forms without kind bytes. */
  readonly encodedSeal: Bytes;
  readonly encodedMiniBlocks: readonly Bytes[];
}

interface OpenBlock {
  readonly env: BlockEnvironment;
  readonly miniBlocks: MiniBlock[];
  readonly receipts: Receipt[];
  readonly access: Map<string, { readonly address: Bytes; readonly slots: Map<string, Hash> }>;
  readonly codes: Map<string, Bytes>;
  /** Oldest block that BLOCKHASH asked for. */
  oldestHash: number;
}

const DEFAULT_GAS = 1_000_000n;
const TIP_WEI = 1_000_000_000n;

export interface ExecutedChainOptions extends Pick<ChainBuilderOptions, 'accounts' | 'threshold' | 'gasLimit'> {
  /** Empty, and slow but simple unless given. */
  readonly state?: CommittedState;
  readonly roots?: BlockRoots;
}

/** Builds a chain whose blocks were really executed, with true roots and witnesses, as a sequencer does. */
export class ExecutedChain {
  readonly genesisFile: GenesisFile;
  readonly genesis: Genesis;
  readonly identity: ChainIdentity;
  readonly sequencer = testSigner('sequencer');
  readonly accounts: readonly TestAccount[];
  readonly state: CommittedState;
  readonly headers: BlockHeader[] = [];
  readonly #world: WorldState;
  readonly #engine: EthereumJsEngine;
  readonly #roots: BlockRoots;
  #open: OpenBlock | undefined;
  #lastNumber = 0;
  #lastDigest: Hash;
  #netDiff: Bytes = EMPTY_BYTES;
  /** Epoch that the next messages are of. */
  epoch = 1;

  constructor(options: ExecutedChainOptions = {}) {
    const template = new ChainBuilder({ accounts: 6, ...options });
    this.state = options.state ?? new MapState();
    this.#roots = options.roots ?? new BlockRoots();
    this.accounts = template.accounts;
    this.genesisFile = template.genesisFile;
    this.genesis = parseGenesis(template.genesisFile);
    this.state.apply(this.genesis.allocation, 0);
    this.#roots.load(encodeStateDiff(this.genesis.allocation));
    const stateRoot = this.#roots.ready();
    this.headers.push(genesisHeader(this.genesis, stateRoot));
    this.identity = chainIdentity(this.genesis, stateRoot);
    this.#lastDigest = this.identity.genesisHash;
    this.#world = new OverlayState(this.state);
    this.#engine = new EthereumJsEngine(
      { chainId: this.genesis.chainId },
      { state: this.#world, blockHash: (number) => this.#blockHash(number) },
    );
  }

  /**
   * Executes and appends a mini-block; opens a block when none is open. With `meddle` it also does to the state what no
   * transaction did, so that diff, roots and witness fit together and execution gives something else.
   */
  async miniBlock(specs: readonly CallSpec[] = [], meddle?: (world: WorldState) => void): Promise<MiniBlock> {
    const isFirst = this.#open === undefined;
    const open = this.#open ?? (await this.#openBlock());
    this.#open = open;
    const transactions: BodyTransaction[] = [];
    const receipts: Receipt[] = [];
    for (const spec of specs) {
      const raw = await this.sign(spec);
      receipts.push(await this.#execute(raw, spec.from.address));
      transactions.push({ raw, sender: spec.from.address });
    }
    open.receipts.push(...receipts);
    meddle?.(this.#world);
    const diff = this.#world.takeDiff();
    this.#recordAccess(this.#world.takeAccess(), open);
    const position = { number: this.#lastNumber + 1, parentDigest: this.#lastDigest };
    const diffPayload = plainDiffPayload(diff);
    this.state.apply(diff, position.number);
    this.#world.release();
    const body = encodeBody({ transactions, receipts });
    const unsigned = {
      version: MINI_BLOCK_VERSION,
      genesisHash: this.identity.genesisHash,
      chainId: this.genesis.chainId,
      epoch: this.epoch,
      ...position,
      blockNumber: open.env.number,
      index: open.miniBlocks.length,
      timestampUs: open.env.timestamp * 1_000_000 + open.miniBlocks.length * 10_000,
      env: isFirst ? open.env : undefined,
      transactionsDigest: body.transactionsDigest,
      receiptsDigest: body.receiptsDigest,
      stateDiffDigest: stateDiffDigest(diff),
      diffPayloadDigest: keccak256(diffPayload),
      bodyPayloadDigest: keccak256(body.payload),
    };
    const miniBlock = { ...signMiniBlock(unsigned, this.sequencer), diffPayload, bodyPayload: body.payload };
    this.#roots.append({ miniBlockBytes: encodeMiniBlock(miniBlock), diffBytes: encodeStateDiff(diff) });
    open.miniBlocks.push(miniBlock);
    this.#lastNumber = unsigned.number;
    this.#lastDigest = miniBlock.digest;
    return miniBlock;
  }

  /** Seals the open block; opens one with an empty mini-block when there is none. */
  async seal(): Promise<ExecutedBlock> {
    if (this.#open === undefined) await this.miniBlock();
    const open = this.#open as OpenBlock;
    const header: BlockHeader = { ...open.env, ...this.#roots.roots(), extraData: EMPTY_BYTES };
    const built = this.#roots.seal(this.#witnessRequest(open));
    const seal = this.#signSeal(header, open.miniBlocks, built);
    this.headers.push(header);
    this.#open = undefined;
    return assembleBlock(seal, open.miniBlocks, open.receipts, built.witness, built.chunkHashes);
  }

  /** One mini-block a list, then the seal. */
  async block(...miniBlocks: readonly (readonly CallSpec[])[]): Promise<ExecutedBlock> {
    for (const specs of miniBlocks) await this.miniBlock(specs);
    return this.seal();
  }

  /** Signs with the sender's next nonce. */
  async sign(spec: CallSpec): Promise<Bytes> {
    const { from, type = 'eip1559', gas = DEFAULT_GAS, value = 0n, data = EMPTY_BYTES } = spec;
    const maxFeePerGas = (this.#open?.env ?? this.#nextEnvironment()).baseFeePerGas * 2n + TIP_WEI;
    const fees =
      type === 'legacy' || type === 'eip2930' ? { gasPrice: maxFeePerGas } : { maxFeePerGas, maxPriorityFeePerGas: TIP_WEI };
    const request = {
      type,
      chainId: this.genesis.chainId,
      nonce: this.nonce(from),
      gas,
      value,
      data: toHex(data),
      ...(spec.to === undefined ? {} : { to: toHex(spec.to) }),
      ...(spec.authorizationList === undefined ? {} : { authorizationList: spec.authorizationList }),
      ...fees,
    } as TransactionSerializable;
    return fromHex((await privateKeyToAccount(toHex(from.privateKey)).signTransaction(request)) as ViemHex);
  }

  nonce({ address }: TestAccount): number {
    return Number(this.#world.getAccount(address)?.nonce ?? 0n);
  }

  /** Signs an EIP-7702 delegation; `nonce` is the authority's at the time it is processed. */
  authorize(authority: TestAccount, delegate: Bytes, nonce: number): Promise<SignedAuthorization> {
    const account = privateKeyToAccount(toHex(authority.privateKey));
    return account.signAuthorization({ contractAddress: toHex(delegate), chainId: this.genesis.chainId, nonce });
  }

  async #execute(raw: Bytes, sender: Bytes): Promise<Receipt> {
    const outcome = await this.#engine.execute({ transaction: decodeTransaction(raw), sender });
    if (outcome.kind === 'rejected') throw new StrobeError(outcome.code, outcome.message);
    return outcome.receipt;
  }

  async #openBlock(): Promise<OpenBlock> {
    const env = this.#nextEnvironment();
    const open = { env, miniBlocks: [], receipts: [], access: new Map(), codes: new Map(), oldestHash: env.number - 1 };
    await this.#engine.beginBlock(env);
    return open;
  }

  #nextEnvironment(): BlockEnvironment {
    const parent = this.headers.at(-1) as BlockHeader;
    const parentHash = hashHeader(parent);
    const number = parent.number + 1;
    return {
      number,
      parentHash,
      timestamp: parent.timestamp + 1,
      baseFeePerGas: nextBaseFee(parent, this.genesis.baseFeeFloorWei),
      gasLimit: parent.gasLimit,
      coinbase: this.genesis.feeRecipient,
      prevRandao: prevRandaoOf(parentHash, number),
    };
  }

  #blockHash(number: number): Hash | undefined {
    const header = this.headers[number];
    if (header === undefined) return undefined;
    if (this.#open !== undefined) this.#open.oldestHash = Math.min(this.#open.oldestHash, number);
    return hashHeader(header);
  }

  #recordAccess(access: StateAccess, open: OpenBlock): void {
    for (const [key, { address, slots }] of access.accounts) {
      const entry = open.access.get(key) ?? { address, slots: new Map<string, Hash>() };
      open.access.set(key, entry);
      for (const [slotKey, slot] of slots) entry.slots.set(slotKey, slot);
    }
    for (const hash of access.codeHashes) {
      // Unknown to the committed state: created in this mini-block.
      const code = this.state.getCode(hash);
      if (code !== undefined) open.codes.set(toKey(hash), code);
    }
  }

  #witnessRequest(open: OpenBlock): WitnessRequest {
    const headers: Bytes[] = [];
    for (let number = open.env.number - 1; number >= open.oldestHash; number--) {
      headers.push(encodeHeader(this.headers[number] as BlockHeader));
    }
    const keys = [...open.access.values()].map(({ address, slots }) => ({ address, slots: [...slots.values()] }));
    return { keys, codes: [...open.codes.values()], headers };
  }

  /** Canonical bytes of the net diff of the block that was sealed last. */
  get netDiff(): Bytes {
    return this.#netDiff;
  }

  #signSeal(header: BlockHeader, miniBlocks: readonly MiniBlock[], built: SealedWitness): BlockSeal {
    this.#netDiff = defined(this.state.netDiff(defined(miniBlocks[0]).envelope.number - 1, this.#lastNumber));
    const unsigned = {
      genesisHash: this.identity.genesisHash,
      epoch: this.epoch,
      header,
      firstNumber: defined(miniBlocks[0]).envelope.number,
      lastNumber: this.#lastNumber,
      lastDigest: this.#lastDigest,
      stateDiffDigest: keccak256(this.#netDiff),
      registryDigest: this.state.mark().digest,
      witnessDigest: built.witnessDigest,
      witnessBytes: built.witness.length,
    };
    return withSignature(unsigned, blockSealDigest(unsigned), this.sequencer);
  }
}

export function assembleBlock(
  seal: BlockSeal,
  miniBlocks: readonly MiniBlock[],
  receipts: readonly Receipt[],
  witness: Bytes,
  chunkHashes: readonly Hash[],
): ExecutedBlock {
  return {
    seal,
    hash: hashHeader(seal.header),
    miniBlocks,
    receipts,
    witness,
    chunkHashes,
    encodedSeal: encodeBlockSeal(seal),
    encodedMiniBlocks: miniBlocks.map(encodeMiniBlock),
  };
}
