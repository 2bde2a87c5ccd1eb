import type { Address } from '../protocol/primitives.ts';
import { fromText, toKey } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';

/** An address in mixed case, which is its checksum (EIP-55). */
export function checksumAddress(address: Address): string {
  const digits = toKey(address);
  const hash = toKey(keccak256(fromText(digits)));
  const mixed = [...digits].map((digit, at) => ((hash[at] as string) >= '8' ? digit.toUpperCase() : digit));
  return `0x${mixed.join('')}`;
}
