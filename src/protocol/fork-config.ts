import { crc32 } from 'node:zlib';
import { type Bytes, fromHex } from '../util/bytes.ts';
import { type Address, BEACON_ROOTS_CONTRACT, type Hash, HISTORY_CONTRACT } from './primitives.ts';

/** What holds on a chain from one fork to the next (EIP-7910). */
export interface ForkConfig {
  /** Seconds since 1970; 0 when it holds from the first block on. */
  readonly activationTime: number;
  readonly blobSchedule: { readonly target: number; readonly max: number; readonly baseFeeUpdateFraction: number };
  /** 4 bytes (EIP-6122). */
  readonly forkId: Bytes;
  /** By the names of EIP-7910. */
  readonly precompiles: Readonly<Record<string, Address>>;
  readonly systemContracts: Readonly<Record<string, Address>>;
}

export interface ForkSchedule {
  readonly current: ForkConfig;
  /** Undefined: no fork is planned. */
  readonly next: ForkConfig | undefined;
  /** The last one that is planned. */
  readonly last: ForkConfig | undefined;
}

const precompile = (index: number): Address => fromHex(`0x${index.toString(16).padStart(40, '0')}`);

export const PRAGUE_PRECOMPILES: Readonly<Record<string, Address>> = {
  ECREC: precompile(0x01),
  SHA256: precompile(0x02),
  RIPEMD160: precompile(0x03),
  ID: precompile(0x04),
  MODEXP: precompile(0x05),
  BN254_ADD: precompile(0x06),
  BN254_MUL: precompile(0x07),
  BN254_PAIRING: precompile(0x08),
  BLAKE2F: precompile(0x09),
  KZG_POINT_EVALUATION: precompile(0x0a),
  BLS12_G1ADD: precompile(0x0b),
  BLS12_G1MSM: precompile(0x0c),
  BLS12_G2ADD: precompile(0x0d),
  BLS12_G2MSM: precompile(0x0e),
  BLS12_PAIRING_CHECK: precompile(0x0f),
  BLS12_MAP_FP_TO_G1: precompile(0x10),
  BLS12_MAP_FP2_TO_G2: precompile(0x11),
};

/** Of EIP-7691; blobs are not taken, so their fee never moves. */
const PRAGUE_BASE_FEE_UPDATE_FRACTION = 5_007_716;

/** Strobe: Prague from the first block on, without blobs, deposits, withdrawals and consolidations. */
export function strobeForks(genesisHash: Hash): ForkSchedule {
  const current: ForkConfig = {
    activationTime: 0,
    blobSchedule: { target: 0, max: 0, baseFeeUpdateFraction: PRAGUE_BASE_FEE_UPDATE_FRACTION },
    forkId: forkId(genesisHash, []),
    precompiles: PRAGUE_PRECOMPILES,
    systemContracts: { BEACON_ROOTS_ADDRESS: BEACON_ROOTS_CONTRACT, HISTORY_STORAGE_ADDRESS: HISTORY_CONTRACT },
  };
  return { current, next: undefined, last: undefined };
}

/**
 * EIP-2124 and 6122: CRC-32 over the genesis hash and the forks passed since, each 8 bytes.
 * @param activations blocks, then times, ascending; those of genesis and repetitions do not count
 */
export function forkId(genesisHash: Hash, activations: readonly number[]): Bytes {
  const bytes = Buffer.alloc(8);
  let checksum = crc32(genesisHash);
  for (const activation of new Set(activations.filter((at) => at > 0))) {
    bytes.writeBigUInt64BE(BigInt(activation));
    checksum = crc32(bytes, checksum);
  }
  const id = Buffer.alloc(4);
  id.writeUInt32BE(checksum);
  return new Uint8Array(id);
}
