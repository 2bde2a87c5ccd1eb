import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileEvidenceStore } from '../../../src/fullnode/evidence/evidence-store.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const proof = { rule: 'EQUIVOCATION', message: 'two digests', atUs: 5, messages: ['0x01', '0x02'] } as const;
const prover = new Uint8Array(20).fill(1);

test('evidence and its consequences survive a restart', async () => {
  const directory = join(tempDirectory(), 'evidence');
  const store = await FileEvidenceStore.open(directory);
  expect([store.halted(), store.list(), store.excludedProvers()]).toEqual([undefined, [], []]);
  await store.add({ ...proof, messages: [...proof.messages] });
  await store.excludeProver(prover);
  await store.excludeProver(prover);
  const reason = { rule: 'EQUIVOCATION', message: 'two digests', atUs: 5, undo: true };
  await store.setHalted(reason);
  const again = await FileEvidenceStore.open(directory);
  expect(again.list()).toEqual([proof]);
  expect(again.excludedProvers()).toEqual([prover]);
  expect(again.halted()).toEqual(reason);
});

test('the first pieces are kept and a flood is not', async () => {
  const directory = tempDirectory();
  const store = await FileEvidenceStore.open(directory);
  for (let i = 0; i < 70; i++) await store.add({ ...proof, messages: [], atUs: i });
  expect(store.list()).toHaveLength(64);
  expect(store.list()[0]?.atUs).toBe(0);
  expect(readdirSync(directory)).toHaveLength(64);
  await store.excludeProver(prover);
  expect((await FileEvidenceStore.open(directory)).list()).toHaveLength(64);
});

test('a damaged file refuses to open by name', async () => {
  const directory = tempDirectory();
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'verdicts.json'), '{"halted":null}');
  await expect(FileEvidenceStore.open(directory)).rejects.toMatchObject({
    code: 'EVIDENCE_CORRUPT',
    meta: { path: join(directory, 'verdicts.json') },
  });
});
