import { createHash } from 'node:crypto';
import { type ChainConfig, Common, type CustomCrypto, Hardfork, Mainnet } from '@ethereumjs/common';
import { calculateSigRecovery } from '@ethereumjs/util';
import secp256k1 from 'secp256k1';
import { type Bytes, padTo32 } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { pointEvaluation } from './point-evaluation.ts';

/** Prague without EIP-6110, 7002 and 7251: their requests are off in every engine (PROTOCOL section 1). */
const PRAGUE_EIPS = [2537, 2935, 7623, 7685, 7691, 7702];

/** Prague from the first block on, for one chain id. The library's own rules; only its hash and curve code is faster. */
export function createReexecutionCommon(chainId: number): Common {
  const upToPrague = Mainnet.hardforks.findIndex((fork) => fork.name === Hardfork.Prague) + 1;
  const chain: ChainConfig = {
    ...Mainnet,
    name: 'strobe',
    chainId,
    hardforks: Mainnet.hardforks.slice(0, upToPrague).map(({ name }) => ({ name, block: 0 })),
    customHardforks: { [Hardfork.Prague]: { eips: PRAGUE_EIPS } },
  };
  return new SingleForkCommon({ chain, hardfork: Hardfork.Prague, customCrypto: CRYPTO });
}

/**
 * The library copies the rules for each transaction, lest a change of fork in one shows in another, and merges the same
 * parameters in each time (a third of a transfer's time). There is one fork here and nothing ever changes.
 */
class SingleForkCommon extends Common {
  readonly #merged = new WeakSet<object>();

  override copy(): this {
    return this;
  }

  override updateParams(params: Parameters<Common['updateParams']>[0]): void {
    if (this.#merged.has(params)) return;
    this.#merged.add(params);
    super.updateParams(params);
  }
}

const CRYPTO: CustomCrypto = {
  // A fresh array each time: the library's bloom reads the buffer of a hash from its first byte.
  keccak256,
  sha256: (data) => new Uint8Array(createHash('sha256').update(data).digest()),
  ecrecover: recoverPublicKey,
  kzg: pointEvaluation,
};

/** Recovers senders (with the chain id of EIP-155, or v of 0 or 1) and serves the ECRECOVER precompile. */
function recoverPublicKey(digest: Bytes, v: bigint, r: Bytes, s: Bytes, chainId?: bigint): Bytes {
  const parity = Number(calculateSigRecovery(v, chainId));
  if (parity !== 0 && parity !== 1) throw new StrobeError('INVALID_SIGNATURE', 'the recovery bit is 0 or 1');
  const signature = new Uint8Array(64);
  signature.set(padTo32(r));
  signature.set(padTo32(s), 32);
  // Without the 0x04 in front, as the library has public keys. A copy of the digest: the binding wants a whole buffer.
  return secp256k1.ecdsaRecover(signature, parity, new Uint8Array(digest), false).subarray(1);
}
