import { readFile, writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { WorldState } from '../../src/protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import { defined } from '../support/defined.ts';
import { ExecutedChain } from '../support/executed-chain.ts';
import { FakeSequencer } from '../support/fake-sequencer.ts';
import { type NodeInfoJson, nodeInfo } from '../support/json-rpc.ts';
import { RoleProcesses, type RunningRole } from '../support/role-processes.ts';
import { runCommand } from '../support/run-command.ts';
import { testAccount } from '../support/test-accounts.ts';

/** What the sequencer does beside executing transactions; all digests and roots fit it. */
function steal(world: WorldState): void {
  world.setAccount(testAccount('thief').address, { nonce: 0n, balance: 10n ** 21n, codeHash: EMPTY_CODE_HASH });
}

async function haltOf(replica: RunningRole): Promise<NodeInfoJson & { readonly haltDigest?: string }> {
  const info = () => nodeInfo(replica.rpcUrl).catch(() => undefined);
  return replica.process.until(async () => {
    const answer = await info();
    return answer?.state === 'halted' && answer.miniBlock === 0 ? answer : undefined;
  }, 'halted, and back at the safe block');
}

test('a theft that only execution shows, no prover anywhere: the sampling replica finds it and anyone can check that', async () => {
  const chain = new ExecutedChain({ threshold: 2 });
  const sequencer = await FakeSequencer.start(chain.identity, chain.sequencer);
  const roles = await RoleProcesses.create(chain.genesisFile);
  onTestFinished(async () => {
    await roles[Symbol.asyncDispose]();
    await sequencer[Symbol.asyncDispose]();
  });
  const pay = { from: defined(chain.accounts[0]), to: defined(chain.accounts[1]).address, value: 5n };
  for (const meddle of [undefined, steal]) {
    const miniBlock = await chain.miniBlock([pay], meddle);
    const { seal, witness } = await chain.seal();
    sequencer.publish({ kind: 'miniBlock', miniBlock });
    sequencer.serveWitness(seal.header.number, witness);
    sequencer.publish({ kind: 'blockSeal', blockSeal: seal });
  }
  const settings = { sampleRate: 1 };
  const replica = await roles.replica('replica', [sequencer.address], { settings });
  const first = await haltOf(replica);
  expect(first.reason).toMatch(/HALTED WRONG_EXECUTION: block 2, executed again: .*stateRoot/);
  await replica.process.stop();

  const exported = roles.file('evidence.json');
  expect(await runCommand('evidence', 'export', '--data-dir', replica.dataDir, '--output', exported)).toMatchObject({ code: 0 });
  const verify = (file: string) => runCommand('verify-evidence', file, '--genesis', roles.genesisFile);
  expect(await verify(exported)).toMatchObject({ code: 0, out: expect.stringContaining('WRONG_EXECUTION  PROVEN') });
  // One bit elsewhere in the witness, and nothing is proven any more.
  const text = await readFile(exported, 'utf8');
  const at = text.indexOf('"witness":"0x') + 200;
  const damaged = roles.file('damaged.json');
  await writeFile(damaged, `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`);
  expect(await verify(damaged)).toMatchObject({ code: 1 });

  // The operator may let it go on; the sequencer still serves the theft, and the same order is not good for the next halt.
  const order = roles.file('order.json');
  const key = await roles.operatorKey(testAccount('operator'));
  const signed = await runCommand(
    'resume',
    '--genesis',
    roles.genesisFile,
    ...key,
    '--data-dir',
    replica.dataDir,
    '--output',
    order,
  );
  expect(signed).toMatchObject({ code: 0, out: expect.stringContaining(defined(first.haltDigest)) });
  const again = await roles.replica('replica', [sequencer.address], { settings, args: ['--resume', order] });
  const second = await haltOf(again);
  expect(second.haltDigest).not.toBe(first.haltDigest);
  expect(again.process.output).toContain('the operator lifted the halt');
  await again.process.stop();
  const refused = await roles.replica('replica', [sequencer.address], { settings, args: ['--resume', order] });
  expect((await refused.process.exited).code).toBe(1);
  expect(refused.process.output).toContain('RESUME_OF_ANOTHER_HALT');
});
