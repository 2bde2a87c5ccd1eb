import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { CODEHASH_PREFIX } from '@ethereumjs/statemanager';
import { ValueEncoding } from '@ethereumjs/util';
import { describe, expect, it } from 'vitest';
import { EMPTY_TRIE_ROOT } from '../../../src/protocol/primitives.ts';
import { WitnessDatabase } from '../../../src/prover-stub/witness-database.ts';
import { toKey } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';

const node = Uint8Array.of(1, 2, 3);
const code = Uint8Array.of(4, 5);

describe('WitnessDatabase', () => {
  it('knows nodes and codes by the hash of their bytes, apart from each other', async () => {
    const database = new WitnessDatabase({ nodes: [node], codes: [code] });
    expect(await database.get(toKey(keccak256(node)))).toEqual(node);
    expect(await database.get(toKey(CODEHASH_PREFIX) + toKey(keccak256(code)))).toEqual(code);
    await expect(database.get(toKey(keccak256(code)))).rejects.toMatchObject({ code: 'WITNESS_INCOMPLETE' });
  });

  it('remembers a hole whoever swallows the error', async () => {
    const database = new WitnessDatabase({ nodes: [], codes: [] });
    const key = toKey(keccak256(node));
    await database.get(key).catch(() => {});
    expect(database.fault).toMatchObject({ code: 'WITNESS_INCOMPLETE', meta: { what: 'trie node', key } });
    await expect(database.failed).rejects.toBe(database.fault);
  });

  it('is no reason for the trie to read a missing node as an absent key', async () => {
    const root = keccak256(node);
    const open = (): MerklePatriciaTrie =>
      new MerklePatriciaTrie({ db: new WitnessDatabase({ nodes: [], codes: [] }), valueEncoding: ValueEncoding.Bytes, root });
    await expect(open().get(Uint8Array.of(1))).rejects.toMatchObject({ code: 'WITNESS_INCOMPLETE' });
    await expect(open().put(Uint8Array.of(1), node)).rejects.toMatchObject({ code: 'WITNESS_INCOMPLETE' });
    await expect(open().del(Uint8Array.of(1))).rejects.toMatchObject({ code: 'WITNESS_INCOMPLETE' });
  });

  it('lets an empty trie be empty', async () => {
    const database = new WitnessDatabase({ nodes: [], codes: [] });
    const trie = new MerklePatriciaTrie({ db: database, valueEncoding: ValueEncoding.Bytes, root: EMPTY_TRIE_ROOT });
    expect(await trie.get(Uint8Array.of(1))).toBeNull();
    await trie.put(Uint8Array.of(1), node);
    expect(await trie.get(Uint8Array.of(1))).toEqual(node);
    expect(database.fault).toBeUndefined();
  });
});
