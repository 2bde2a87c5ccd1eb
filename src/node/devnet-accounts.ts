import { getAddress } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import * as z from 'zod';
import { type Hex, toHex } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { privateKeyToAddress } from '../util/secp256k1.ts';
import { readValues } from './config-values.ts';

/** A funded account whose private key everybody has. */
export interface DevnetAccount {
  /** With checksum (EIP-55). */
  address: Hex;
  privateKey: Hex;
}

export interface DevnetAccounts {
  mnemonic: string;
  balanceWei: bigint;
  accounts: readonly DevnetAccount[];
}

const valuesSchema = z.object({
  mnemonic: z.string(),
  path: z.templateLiteral([`m/44'/60'/`, z.string()]),
  balanceWei: z.string().transform((text) => BigInt(text)),
});

/** The first `count` accounts of the mnemonic in config/devnet-accounts.json. */
export function deriveDevnetAccounts(count: number): DevnetAccounts {
  const { mnemonic, path, balanceWei } = readValues('devnet-accounts', valuesSchema);
  // The parent of all accounts: stretching the mnemonic is what takes long, and this does it once.
  const parent = mnemonicToAccount(mnemonic, { path }).getHdKey();
  const accounts = Array.from({ length: count }, (_, index): DevnetAccount => {
    const { privateKey } = parent.deriveChild(index);
    invariant(privateKey !== null, 'a child of a private parent has a private key');
    return { address: getAddress(toHex(privateKeyToAddress(privateKey))), privateKey: toHex(privateKey) };
  });
  return { mnemonic, balanceWei, accounts };
}
