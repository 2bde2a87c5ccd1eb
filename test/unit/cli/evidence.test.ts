import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LIGHT_SCRYPT_N } from '../../../src/crypto/keystore.ts';
import { saveKey } from '../../../src/crypto/keystore-files.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import type { Evidence } from '../../../src/fullnode/evidence/evidence.ts';
import { FileEvidenceStore } from '../../../src/fullnode/evidence/evidence-store.ts';
import { assertResumeOrder, parseResumeOrder } from '../../../src/protocol/resume-order.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { runCommand as run } from '../../support/run-command.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { testAccount } from '../../support/test-accounts.ts';

const chain = new ReplicaFixture();
const { miniBlock, record } = chain.miniBlock();
const second = chain.resign(miniBlock, { timestampUs: miniBlock.envelope.timestampUs + 1 });
const proof: Evidence = { rule: 'EQUIVOCATION', message: 'two digests', atUs: 5, messages: [toHex(record.bytes), toHex(second)] };
const noProof: Evidence = { ...proof, messages: [toHex(record.bytes), toHex(record.bytes)] };

/** A data directory with this evidence, halted by the first piece, and the genesis file of the chain. */
async function dataDirWith(
  ...evidence: readonly Evidence[]
): Promise<{ dataDir: string; genesis: string; store: FileEvidenceStore }> {
  const dataDir = tempDirectory();
  const store = await FileEvidenceStore.open(join(dataDir, 'evidence'));
  for (const piece of evidence) await store.add(piece);
  await store.setHalted({ rule: 'EQUIVOCATION', message: 'two digests', atUs: 5, undo: true });
  const genesis = join(dataDir, 'genesis.json');
  writeFileSync(genesis, JSON.stringify(chain.builder.genesisFile));
  return { dataDir, genesis, store };
}

test('list numbers and names every piece', async () => {
  const { dataDir, store } = await dataDirWith(proof, noProof);
  const { code, out } = await run('evidence', 'list', '--data-dir', dataDir);
  expect(code).toBe(0);
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split('  '));
  expect(lines.map(([position, rule]) => [position, rule])).toEqual([
    ['0', 'EQUIVOCATION'],
    ['1', 'EQUIVOCATION'],
  ]);
  expect(lines[0]?.[3]).toBe(toHex(defined(store.haltDigest())));
});

test('what is exported is checked by the genesis file alone', async () => {
  const { dataDir, genesis } = await dataDirWith(proof, noProof);
  const [one, all] = ['one.json', 'all.json'].map((name) => join(dataDir, name)) as [string, string];
  expect(await run('evidence', 'export', '--data-dir', dataDir, '--output', one, '--position', '0')).toMatchObject({ code: 0 });
  expect(await run('evidence', 'export', '--data-dir', dataDir, '--output', all)).toMatchObject({ code: 0 });
  expect(await run('evidence', 'export', '--data-dir', dataDir, '--output', all)).toMatchObject({ code: 2 });
  expect(await run('verify-evidence', one, '--genesis', genesis)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^EQUIVOCATION {2}PROVEN {2}0x[0-9a-f]{40} signed two different mini-blocks 1 in epoch 2\n$/),
  });
  const both = await run('verify-evidence', all, '--genesis', genesis);
  expect([both.code, both.out.split('\n').length]).toEqual([1, 3]);
  expect(both.out).toContain('NOT PROVEN  both sign the same digest');
  // A file of the evidence folder as it is.
  const kept = join(dataDir, 'evidence', 'evidence-0000.json');
  expect(await run('verify-evidence', kept, '--genesis', genesis)).toMatchObject({ code: 0 });
});

test('another genesis file proves nothing by it', async () => {
  const { dataDir } = await dataDirWith(proof);
  const genesis = join(dataDir, 'other.json');
  writeFileSync(genesis, JSON.stringify({ ...chain.builder.genesisFile, timestamp: '0x1' }));
  const kept = join(dataDir, 'evidence', 'evidence-0000.json');
  expect(await run('verify-evidence', kept, '--genesis', genesis)).toMatchObject({
    code: 1,
    out: expect.stringContaining('not signed by anyone who may'),
  });
});

test.each([
  ['no JSON', '{'],
  ['something else', '{"rule": 5}'],
  ['a bundle of another version', '{"format": "strobe-evidence/9", "evidence": []}'],
  ['an odd digit', JSON.stringify({ ...proof, messages: ['0x1'] })],
])('%s is unreadable', async (_, text) => {
  const { dataDir, genesis } = await dataDirWith();
  const file = join(dataDir, 'file.json');
  writeFileSync(file, text);
  expect(await run('verify-evidence', file, '--genesis', genesis)).toMatchObject({ code: 2, out: '' });
  expect(await run('verify-evidence', join(dataDir, 'missing.json'), '--genesis', genesis)).toMatchObject({ code: 2 });
});

async function keystoreOf(name: string, dataDir: string): Promise<string[]> {
  const { privateKey } = testAccount(name);
  const options = { folder: join(dataDir, 'keys'), name, password: new Secret('secret'), scryptN: LIGHT_SCRYPT_N };
  const { file } = await saveKey({ ...options, privateKey });
  writeFileSync(join(dataDir, 'password'), 'secret');
  return ['--operator-key', file, '--password-file', join(dataDir, 'password')];
}

test('resume signs an order for the halt of a data directory, or for a named one', async () => {
  const { dataDir, genesis, store } = await dataDirWith(proof);
  const key = await keystoreOf('operator', dataDir);
  const digest = toHex(defined(store.haltDigest()));
  const prover = toHex(defined(chain.provers[0]).address);
  const [here, there] = ['here.json', 'there.json'].map((name) => join(dataDir, name)) as [string, string];
  const common = ['resume', '--genesis', genesis, ...key, '--reinstate', prover];
  const made = await run(...common, '--data-dir', dataDir, '--output', here);
  expect(made).toMatchObject({ code: 0, out: `${digest}  ${here}\n`, err: 'lifts the halt EQUIVOCATION: two digests\n' });
  expect(await run(...common, '--halt-digest', digest, '--output', there)).toMatchObject({ code: 0 });
  for (const file of [here, there]) {
    const order = parseResumeOrder(readFileSync(file, 'utf8'));
    expect([toHex(order.haltDigest), order.reinstated.map(toHex)]).toEqual([digest, [prover]]);
    assertResumeOrder(order, chain.identity.genesisHash, chain.genesis);
  }
});

test('resume refuses another key, two halts at once, and a node that is not halted', async () => {
  const { dataDir, genesis, store } = await dataDirWith(proof);
  const output = ['--output', join(dataDir, 'order.json')];
  const wrongKey = await run(
    'resume',
    '--genesis',
    genesis,
    ...(await keystoreOf('somebody', dataDir)),
    '--data-dir',
    dataDir,
    ...output,
  );
  expect(wrongKey).toMatchObject({ code: 2, err: expect.stringContaining('operatorKey') });
  const key = await keystoreOf('operator', dataDir);
  const digest = toHex(defined(store.haltDigest()));
  const both = await run('resume', '--genesis', genesis, ...key, '--data-dir', dataDir, '--halt-digest', digest, ...output);
  expect(both).toMatchObject({ code: 2, err: expect.stringContaining('either') });
  const other = await dataDirWith();
  writeFileSync(join(other.dataDir, 'evidence', 'verdicts.json'), '{"halted":null,"excludedProvers":[]}');
  expect(await run('resume', '--genesis', genesis, ...key, '--data-dir', other.dataDir, ...output)).toMatchObject({
    code: 2,
    err: expect.stringContaining('not halted'),
  });
});

test('a file in the place of the evidence folder is none', async () => {
  const dataDir = tempDirectory();
  writeFileSync(join(dataDir, 'evidence'), '');
  const { code, err } = await run('evidence', 'list', '--data-dir', dataDir);
  expect([code, err]).toEqual([2, expect.stringContaining('no evidence folder')]);
});
