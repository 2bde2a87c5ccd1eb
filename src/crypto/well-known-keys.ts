import { type Bytes, toHex, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/**
 * Addresses whose keys everybody has: the first 50 of the mnemonic
 * `test test test test test test test test test test test junk` (path m/44'/60'/0'/0/i), which Hardhat, Anvil and our
 * devnet fund.
 */
const WELL_KNOWN_ADDRESSES: ReadonlySet<string> = new Set([
  'f39fd6e51aad88f6f4ce6ab8827279cfffb92266',
  '70997970c51812dc3a010c7d01b50e0d17dc79c8',
  '3c44cdddb6a900fa2b585dd299e03d12fa4293bc',
  '90f79bf6eb2c4f870365e785982e1f101e93b906',
  '15d34aaf54267db7d7c367839aaf71a00a2c6a65',
  '9965507d1a55bcc2695c58ba16fb37d819b0a4dc',
  '976ea74026e726554db657fa54763abd0c3a0aa9',
  '14dc79964da2c08b23698b3d3cc7ca32193d9955',
  '23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f',
  'a0ee7a142d267c1f36714e4a8f75612f20a79720',
  'bcd4042de499d14e55001ccbb24a551f3b954096',
  '71be63f3384f5fb98995898a86b02fb2426c5788',
  'fabb0ac9d68b0b445fb7357272ff202c5651694a',
  '1cbd3b2770909d4e10f157cabc84c7264073c9ec',
  'df3e18d64bc6a983f673ab319ccae4f1a57c7097',
  'cd3b766ccdd6ae721141f452c550ca635964ce71',
  '2546bcd3c84621e976d8185a91a922ae77ecec30',
  'bda5747bfd65f08deb54cb465eb87d40e51b197e',
  'dd2fd4581271e230360230f9337d5c0430bf44c0',
  '8626f6940e2eb28930efb4cef49b2d1f2c9c1199',
  '09db0a93b389bef724429898f539aeb7ac2dd55f',
  '02484cb50aac86eae85610d6f4bf026f30f6627d',
  '08135da0a343e492fa2d4282f2ae34c6c5cc1bbe',
  '5e661b79fe2d3f6ce70f5aac07d8cd9abb2743f1',
  '61097ba76cd906d2ba4fd106e757f7eb455fc295',
  'df37f81daad2b0327a0a50003740e1c935c70913',
  '553bc17a05702530097c3677091c5bb47a3a7931',
  '87bdce72c06c21cd96219bd8521bdf1f42c78b5e',
  '40fc963a729c542424cd800349a7e4ecc4896624',
  '9dcce783b6464611f38631e6c851bf441907c710',
  '1bcb8e569eedab4668e55145cfeaf190902d3cf2',
  '8263fce86b1b78f95ab4dae11907d8af88f841e7',
  'cf2d5b3cbb4d7bf04e3f7bfa8e27081b52191f91',
  '86c53eb85d0b7548fea5c4b4f82b4205c8f6ac18',
  '1aac82773cb722166d7da0d5b0fa35b0307dd99d',
  '2f4f06d218e426344cfe1a83d53dad806994d325',
  '1003ff39d25f2ab16dbcc18ece05a9b6154f65f4',
  '9eaf5590f2c84912a08de97fa28d0529361deb9e',
  '11e8f3ea3c6fcf12ecff2722d75cefc539c51a1c',
  '7d86687f980a56b832e9378952b738b614a99dc6',
  '9ef6c02fb2ecc446146e05f1ff687a788a8bf76d',
  '08a2de6f3528319123b25935c92888b16db8913e',
  'e141c82d99d85098e03e1a1cc1cde676556fdde0',
  '4b23d303d9e3719d6cdf8d172ea030f80509ea15',
  'c004e69c5c04a223463ff32042dd36dabf63a25a',
  '5eb15c0992734b5e77c888d713b4fc67b3d679a2',
  '7ebb637fd68c523613be51aad27c35c4db199b9c',
  '3c3e2e178c69d4bad964568415a0f0c84fd6320a',
  '35304262b9e87c00c430149f28dd154995d01207',
  'd4a1e660c916855229e1712090ccfd8a424a2e33',
]);

/** True when the private key of `address` is public knowledge. */
export function isWellKnownKey(address: Bytes): boolean {
  return WELL_KNOWN_ADDRESSES.has(toKey(address));
}

/**
 * Refuses to run a node under a well-known key where others can reach it.
 * @param listeners hosts or multiaddrs the process listens on, e.g. `127.0.0.1`, `::1`, `/ip4/0.0.0.0/tcp/9645`
 * @throws StrobeError WELL_KNOWN_KEY when the key is public and a listener is not on loopback
 */
export function assertKeySafe(address: Bytes, listeners: readonly string[]): void {
  if (!isWellKnownKey(address)) return;
  const exposed = listeners.find((listener) => !isLoopback(listener));
  if (exposed === undefined) return;
  throw new StrobeError(
    'WELL_KNOWN_KEY',
    `the key of ${toHex(address)} is publicly known (test mnemonic) and this node listens on ${exposed}: ` +
      'make a key of your own with `strobe keys new`, or listen on 127.0.0.1',
    { address: toHex(address), listener: exposed },
  );
}

/** True for a host or multiaddr that only this machine reaches; an unknown name is taken for reachable. */
export function isLoopback(listener: string): boolean {
  const host = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)/.exec(listener)?.[1] ?? listener.replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
