import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeRlp, encodeRlp, type RlpItem } from '../../src/protocol/rlp.ts';
import { type Bytes, bigIntToBytes, fromHex, toHex } from '../../src/util/bytes.ts';
import { unpackFixture } from '../support/fixtures.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

/** Text, a number, a `#`-prefixed large number, or a list of these; or a verdict on the encoding alone. */
type Input = string | number | readonly Input[];
interface RlpCase {
  readonly in: Input;
  readonly out: string;
}

const folder = unpackFixture('ethereum-tests-transactions-rlp-trie.tar.zst');

describe.skipIf(folder === undefined)('official RLP tests', () => {
  if (folder === undefined) return;
  const cases = (...path: string[]) => loadCases(join(folder, 'RLPTests', ...path));

  test.each(cases('rlptest.json'))('rlptest.json %s', (_, { in: input, out }) => {
    const item = toItem(input);
    const encoded = fromHex(out);
    expect(toHex(encodeRlp(item))).toBe(out.toLowerCase());
    expect(decodeRlp(encoded)).toEqual(item);
  });

  test.each(cases('invalidRLPTest.json'))('invalidRLPTest.json %s', (_, { in: input, out }) => {
    expect(input).toBe('INVALID');
    // Most of these lack the prefix.
    const encoded = fromHex(out.startsWith('0x') ? out : `0x${out}`);
    expect(strobeCodeOf(() => decodeRlp(encoded))).toBe('INVALID_RLP');
  });

  const random = readdirSync(join(folder, 'RLPTests', 'RandomRLPTests')).flatMap((file) => cases('RandomRLPTests', file));
  test.each(random)('RandomRLPTests %s', (_, { in: input, out }) => {
    const encoded = fromHex(out);
    if (input === 'INVALID') expect(strobeCodeOf(() => decodeRlp(encoded))).toBe('INVALID_RLP');
    else expect(toHex(encodeRlp(decodeRlp(encoded)))).toBe(out.toLowerCase());
  });
});

function loadCases(path: string): [string, RlpCase][] {
  return Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, RlpCase>);
}

function toItem(input: Input): RlpItem {
  if (typeof input === 'number') return bigIntToBytes(BigInt(input));
  if (typeof input !== 'string') return input.map(toItem);
  return input.startsWith('#') ? bigIntToBytes(BigInt(input.slice(1))) : textBytes(input);
}

/** The vectors spell bytes as code points up to 255. */
function textBytes(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
