import { expect, test } from 'vitest';
import { SlicedProver } from '../../../src/state/sliced-prover.ts';
import type { ProofRequest } from '../../../src/state/trie-history.ts';
import { bigIntToBytes32 } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';

const BLOCK = { number: 1, stateRoot: new Uint8Array(32) };
const ADDRESS = new Uint8Array(20);
const keys = (count: number) => Array.from({ length: count }, (_, i) => bigIntToBytes32(BigInt(i)));
const answer = ({ keys: asked }: ProofRequest) => ({
  account: undefined,
  accountProof: [Uint8Array.of(asked.length)],
  slots: asked.map((key) => ({ key, value: key, proof: [] })),
});

test('many slots are asked for a slice at a time, and come back as one proof in their order', async () => {
  const slices: number[] = [];
  const prover = new SlicedProver(async (request) => {
    slices.push(request.keys.length);
    return answer(request);
  });
  const proof = await prover.prove(BLOCK, ADDRESS, keys(100));
  expect(slices).toEqual([32, 32, 32, 4]);
  expect(proof.slots.map(({ key }) => key)).toEqual(keys(100));
  expect(proof.accountProof).toEqual([Uint8Array.of(32)]);
  expect((await prover.prove(BLOCK, ADDRESS, [])).slots).toEqual([]);
});

test('one proof is made after the other, also behind one that failed', async () => {
  let running = 0;
  let most = 0;
  const prover = new SlicedProver(async (request) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (request.keys.length === 1) throw new StrobeError('PROOF_NOT_AVAILABLE', 'gone');
    return answer(request);
  });
  const outcomes = await Promise.allSettled([2, 1, 70].map((count) => prover.prove(BLOCK, ADDRESS, keys(count))));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(most).toBe(1);
});

test('too many that wait are refused, and taken again later', async () => {
  const gate = Promise.withResolvers<void>();
  const prover = new SlicedProver(async (request) => {
    await gate.promise;
    return answer(request);
  });
  const waiting = Array.from({ length: 256 }, () => prover.prove(BLOCK, ADDRESS, []));
  await expect(prover.prove(BLOCK, ADDRESS, [])).rejects.toMatchObject({ code: 'PROOFS_BUSY' });
  gate.resolve();
  await Promise.all(waiting);
  await prover.prove(BLOCK, ADDRESS, []);
});
