import type { Block as VmBlock } from '@ethereumjs/block';
import type { EVMMockBlockchainInterface } from '@ethereumjs/evm';
import { Address as LibraryAddress } from '@ethereumjs/util';
import type { BlockHashReader, CallEnvironment } from '../../protocol/ports/execution.ts';
import { type Hash, ZERO_HASH } from '../../protocol/primitives.ts';

/** Without excess blob gas a blob costs the minimum (EIP-4844). */
const LEAST_BLOB_BASE_FEE = 1n;

/** Wei per blob gas in this block. */
export function blobBaseFeeOf({ blobBaseFee }: CallEnvironment): bigint {
  return blobBaseFee ?? LEAST_BLOB_BASE_FEE;
}

/**
 * The fields that transactions and opcodes read of their block. A plain object: building the library's block validates
 * and freezes what the sequencer has decided already.
 */
export function createBlockContext(env: CallEnvironment): VmBlock {
  const header = {
    number: BigInt(env.number),
    timestamp: BigInt(env.timestamp),
    coinbase: new LibraryAddress(env.coinbase),
    gasLimit: env.gasLimit,
    baseFeePerGas: env.baseFeePerGas,
    prevRandao: env.prevRandao,
    difficulty: 0n,
    gasUsed: 0n,
    getBlobGasPrice: () => blobBaseFeeOf(env),
  };
  return { header } as unknown as VmBlock;
}

/** Answers BLOCKHASH. */
export class BlockHashSource implements EVMMockBlockchainInterface {
  readonly #read: BlockHashReader;

  constructor(read: BlockHashReader) {
    this.#read = read;
  }

  async getBlock(number: number): Promise<{ hash(): Hash }> {
    const hash = this.#read(number) ?? ZERO_HASH;
    return { hash: () => hash };
  }

  async putBlock(): Promise<void> {
    // Blocks are stored elsewhere.
  }

  shallowCopy(): EVMMockBlockchainInterface {
    return this;
  }
}
