import * as z from 'zod';
import type { GenesisFile } from '../protocol/genesis.ts';
import { type Hex, toHex } from '../util/bytes.ts';
import { readValues } from './config-values.ts';
import type { DevnetAccounts } from './devnet-accounts.ts';

/** Addresses of the keys that the genesis file names. */
export interface DevnetKeyAddresses {
  sequencer: Uint8Array;
  operator: Uint8Array;
  provers: readonly Uint8Array[];
}

export interface DevnetGenesisOptions {
  chainId: number;
  /** Second of block 0. */
  timestamp: number;
  blockIntervalMs: number;
  keys: DevnetKeyAddresses;
  accounts: DevnetAccounts;
}

/** Mini-blocks of a devnet, unless its operator overrides them: the interval the design is measured at. */
const MINI_BLOCK_INTERVAL_MS = 10;

const templateSchema = z.object({
  config: z.record(z.string(), z.unknown()),
  gasLimit: z.string(),
  baseFeePerGas: z.string(),
  strobe: z.object({
    baseFeeFloorWei: z.string(),
    limits: z.object({ maxTransactionGas: z.string(), maxUnattestedBlocks: z.int() }),
    forks: z.object({ prague: z.literal(0) }),
  }),
});

const predeploysSchema = z.record(
  z.string(),
  z.object({ address: z.string(), source: z.string(), nonce: z.int(), code: z.string() }),
);

/** Builds the genesis file of a devnet: template and predeploys from config/, keys and accounts from the caller. */
export function buildDevnetGenesis(options: DevnetGenesisOptions): GenesisFile {
  const template = readValues('genesis-devnet', templateSchema);
  const { keys } = options;
  return {
    config: { ...template.config, chainId: options.chainId },
    timestamp: quantity(options.timestamp),
    gasLimit: template.gasLimit,
    baseFeePerGas: template.baseFeePerGas,
    alloc: { ...predeploys(), ...funded(options.accounts) },
    strobe: {
      sequencerKeys: [toHex(keys.sequencer)],
      operatorKey: toHex(keys.operator),
      provers: keys.provers.map((prover) => toHex(prover)),
      threshold: majorityOf(keys.provers.length),
      // Tips have to go somewhere that nobody mistakes for a user's account.
      feeRecipient: toHex(keys.operator),
      blockIntervalMs: options.blockIntervalMs,
      miniBlockIntervalMs: MINI_BLOCK_INTERVAL_MS,
      ...template.strobe,
    },
  };
}

/** More than half. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

function predeploys(): GenesisFile['alloc'] {
  const entries = Object.values(readValues('predeploys', predeploysSchema));
  // Nonce 1, as a contract that was deployed has (EIP-161).
  return Object.fromEntries(entries.map(({ address, nonce, code }) => [address.toLowerCase(), { nonce: quantity(nonce), code }]));
}

function funded({ accounts, balanceWei }: DevnetAccounts): GenesisFile['alloc'] {
  const balance = quantity(balanceWei);
  return Object.fromEntries(accounts.map(({ address }) => [address.toLowerCase(), { balance }]));
}

function quantity(value: number | bigint): Hex {
  return `0x${value.toString(16)}`;
}
