import { RLP } from '@ethereumjs/rlp';
import { describe, expect, test } from 'vitest';
import { Trie } from '../../../src/state/trie.ts';
import { decodeNode } from '../../../src/state/trie-decode.ts';
import { encodeNode } from '../../../src/state/trie-encode.ts';
import { type Bytes, EMPTY_BYTES, fromHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

type Items = Parameters<typeof RLP.encode>[0];

const hash = new Uint8Array(32).fill(0xab);
const value = fromHex('0x010203');
const none = EMPTY_BYTES;
const branch = (entries: Record<number, Items>): Items[] => Array.from({ length: 17 }, (_, i) => entries[i] ?? none) as Items[];
const shortLeaf = [fromHex('0x20'), fromHex('0x05')];

const wellFormed: [string, Items][] = [
  ['a leaf with an even path', [fromHex('0x20abcd'), value]],
  ['a leaf with a long value', [fromHex('0x20abcd'), new Uint8Array(300).fill(1)]],
  ['an extension to a hash', [fromHex('0x00abcd'), hash]],
  ['an extension to an embedded branch', [fromHex('0x00ab'), branch({ 1: [fromHex('0x3c'), value], 16: value })]],
  ['a branch of hashes', branch({ 0: hash, 15: hash })],
  ['a branch with one child and a value', branch({ 3: hash, 16: value })],
];

/** What, and the part of the message that shows it was refused for the right reason. */
const broken: [string, Items | Bytes, string][] = [
  ['no bytes', EMPTY_BYTES, 'ends early'],
  ['a string', fromHex('0x83010203'), 'exactly one list'],
  ['an empty list', [], '2 or 17'],
  ['one item', [value], '2 or 17'],
  ['three items', [fromHex('0x20'), value, value], '2 or 17'],
  ['sixteen items', branch({ 0: hash, 1: hash }).slice(1), '2 or 17'],
  ['eighteen items', [...branch({ 0: hash, 1: hash }), value], '2 or 17'],
  ['an empty path', [none, value], 'path is a string'],
  ['a list for a path', [[fromHex('0x20')], value], 'path is a string'],
  ['an unknown path flag', [fromHex('0x40'), value], 'path flag'],
  ['padding that is not zero', [fromHex('0x21'), value], 'padding nibble'],
  ['a leaf without a value', [fromHex('0x20'), none], 'leaf value'],
  ['a leaf with a list', [fromHex('0x20'), [value]], 'leaf value'],
  ['a leaf that ends inside a byte', [fromHex('0x3a'), value], 'no key ends'],
  ['an extension without a path', [fromHex('0x00'), hash], 'extension has a path'],
  ['an extension without a child', [fromHex('0x00ab'), none], 'extension has a child'],
  ['an extension to a short string', [fromHex('0x00ab'), value], 'a hash, an embedded'],
  ['an extension to 33 bytes', [fromHex('0x00ab'), new Uint8Array(33)], 'a hash, an embedded'],
  ['an extension to an embedded leaf', [fromHex('0x00ab'), shortLeaf], 'is a branch'],
  [
    'an extension to an embedded extension',
    [fromHex('0x1a'), [fromHex('0x1b'), branch({ 1: [fromHex('0x3c'), value], 16: value })]],
    'is a branch',
  ],
  ['an empty branch', branch({}), 'two entries'],
  ['a branch with one entry', branch({ 4: hash }), 'two entries'],
  ['a branch with only a value', branch({ 16: value }), 'two entries'],
  ['a branch with a child of 31 bytes', branch({ 0: hash, 1: new Uint8Array(31) }), 'a hash, an embedded'],
  [
    'a branch with an embedded child of 32 bytes',
    branch({ 0: hash, 1: [fromHex('0x3a'), new Uint8Array(29)] }),
    'under 32 bytes',
  ],
  ['a branch with a list for a value', branch({ 0: hash, 16: [value] }), 'branch value'],
  ['bytes after the list', fromHex('0xc320820102'), 'exactly one list'],
  ['a list that runs past the end', fromHex('0xc720820102'), 'runs past'],
  ['a small byte written as a string', fromHex('0xc58120820102'), 'small byte'],
  ['a short length written long', fromHex('0xf8042082010203'), 'written long'],
  ['a length that starts with zero', fromHex('0xf9000420820102'), 'starts with zero'],
  ['a length of eight bytes', fromHex('0xffffffffffffffffff20820102'), 'out of range'],
];

describe('node decoding', () => {
  test.each(wellFormed)('%s is read and encodes to the same bytes', (_, items) => {
    const rlp = RLP.encode(items);
    expect(encodeNode(decodeNode(rlp, 0, undefined))).toEqual(rlp);
  });

  test.each(broken)('%s is malformed', (_, items, reason) => {
    const rlp = items instanceof Uint8Array ? items : RLP.encode(items);
    const decode = () => decodeNode(rlp, 0, undefined);
    expect(strobeCodeOf(decode)).toBe('MALFORMED_TRIE_NODE');
    expect(decode).toThrow(reason);
  });

  test('values stand only where keys of the fixed length end', () => {
    const leaf = RLP.encode([fromHex('0x20abcd'), value]);
    expect(strobeCodeOf(() => decodeNode(leaf, 60, 64))).toBe('no error');
    expect(strobeCodeOf(() => decodeNode(leaf, 58, 64))).toBe('MALFORMED_TRIE_NODE');
    expect(strobeCodeOf(() => decodeNode(RLP.encode(branch({ 3: hash, 16: value })), 10, 64))).toBe('MALFORMED_TRIE_NODE');
    expect(strobeCodeOf(() => decodeNode(RLP.encode(branch({ 3: hash, 4: hash })), 64, 64))).toBe('MALFORMED_TRIE_NODE');
    expect(strobeCodeOf(() => decodeNode(RLP.encode([fromHex('0x00abcd'), hash]), 60, 64))).toBe('MALFORMED_TRIE_NODE');
  });
});

describe('nodes found by hash', () => {
  const serve = (...nodes: Bytes[]) => {
    const [root] = nodes;
    return Trie.fromRoot(keccak256(root as Bytes), (wanted) =>
      nodes.find((node) => Buffer.compare(keccak256(node), wanted) === 0),
    );
  };

  test('a short root is read', () => {
    expect(serve(RLP.encode([fromHex('0x20ab'), value])).get(fromHex('0xab'))).toEqual(value);
  });

  test('a short node that is not the root is malformed', () => {
    const leaf = RLP.encode([fromHex('0x3b'), value]);
    const root = RLP.encode(branch({ 10: keccak256(leaf), 0: hash }));
    expect(strobeCodeOf(() => serve(root, leaf).get(fromHex('0xab')))).toBe('MALFORMED_TRIE_NODE');
  });

  test('a hashed leaf below an extension is malformed', () => {
    const leaf = RLP.encode([fromHex('0x3b'), new Uint8Array(40).fill(1)]);
    const root = RLP.encode([fromHex('0x1a'), keccak256(leaf)]);
    expect(strobeCodeOf(() => serve(root, leaf).get(fromHex('0xab')))).toBe('MALFORMED_TRIE_NODE');
  });
});
