import { type HDKey, mnemonicToAccount } from 'viem/accounts';
import type { Bytes } from '../util/bytes.ts';
import { invariant, StrobeError } from '../util/errors.ts';
import { privateKeyToAddress } from '../util/secp256k1.ts';

/** A sender; `nonce` is the next one, counted here once the chain told it. */
export type BenchAccount = { readonly address: Bytes; readonly privateKey: Bytes; nonce: number };

/**
 * The first `count` accounts of the phrase at m/44'/60'/0'/0/i (the path every wallet uses).
 * @throws StrobeError BENCH_INVALID_MNEMONIC (never with the phrase in it)
 */
export function deriveAccounts(mnemonic: string, count: number): BenchAccount[] {
  const parent = accountParent(mnemonic);
  return Array.from({ length: count }, (_, index) => {
    const { privateKey } = parent.deriveChild(index);
    invariant(privateKey, 'a key derived from a seed has its private half');
    return { address: privateKeyToAddress(privateKey), privateKey, nonce: 0 };
  });
}

function accountParent(mnemonic: string): HDKey {
  try {
    return mnemonicToAccount(mnemonic, { path: "m/44'/60'/0'/0" }).getHdKey();
  } catch {
    // The library's message may quote the words, so it is not passed on.
    throw new StrobeError('BENCH_INVALID_MNEMONIC', 'the mnemonic is not a valid BIP-39 phrase');
  }
}
