import type { StateEntry } from '../../src/protocol/ports/state.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { type Bytes, concatBytes, toKey } from '../../src/util/bytes.ts';
import { MapState } from './map-state.ts';
import { emptyVersion, markOf, registerRow } from './map-version.ts';

/** A state of a full listing, which may hold what no diff can say: accounts that are empty in the sense of EIP-161. */
export function mapStateOf(entries: Iterable<StateEntry>, codes: Iterable<Bytes>): MapState {
  const state = new MapState();
  const loader = state.loader();
  const registry = emptyVersion();
  const add = (key: Bytes, value: Parameters<typeof encodeRlp>[0]): void => {
    loader.add(encodeRlp([key, value]));
    registerRow(registry, toKey(key));
  };
  for (const [row, { address, account, slots }] of [...entries].entries()) {
    add(address, [fromNumber(account.nonce), fromNumber(account.balance), account.codeHash]);
    const rowBytes = new Uint8Array(8);
    new DataView(rowBytes.buffer).setBigUint64(0, BigInt(row));
    for (const { key, value } of slots) add(concatBytes(rowBytes, key), value);
  }
  for (const code of codes) loader.add(encodeRlp([code]));
  loader.finish(0, markOf(registry));
  return state;
}
