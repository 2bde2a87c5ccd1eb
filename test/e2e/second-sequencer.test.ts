import { cp, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIGHT_SCRYPT_N } from '../../src/crypto/keystore.ts';
import { saveKey } from '../../src/crypto/keystore-files.ts';
import { Secret } from '../../src/crypto/secret.ts';
import { fromHex } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import { freePorts } from '../support/free-ports.ts';
import { nodeInfo, type RpcReceiptJson, rpc } from '../support/json-rpc.ts';
import { NodeProcess } from '../support/node-process.ts';
import { TestDevnet } from '../support/test-devnet.ts';

let devnet: TestDevnet;
let copied = '';

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  await devnet.start('sequencer');
  await send(0);
  // A backup as an operator makes it: of a sequencer that was stopped.
  expect(await devnet.process('sequencer').stop()).toEqual({ code: 0, signal: null });
  copied = join(devnet.paths.root, 'backup');
  // Without the name under which it is known to peers, who would take the two for one otherwise.
  await cp(devnet.dataDir('sequencer'), copied, { recursive: true, filter: (path) => basename(path) !== 'network.key' });
  await devnet.start('sequencer');
  await devnet.start('replica-1');
});

afterAll(() => devnet[Symbol.asyncDispose]());

async function send(nonce: number): Promise<RpcReceiptJson> {
  const account = devnet.account(0);
  const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n };
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: devnet.chainId,
    to: account.address,
    gas: 21_000n,
    ...fees,
    nonce,
  });
  return rpc<RpcReceiptJson>(devnet.rpcUrl('sequencer'), 'eth_sendRawTransactionSync', [raw, 20_000]);
}

/** Starts another sequencer with the devnet's own settings but for `changes`, and on ports of its own; waits for its end. */
async function startAnother(changes: Readonly<Record<string, string>>): Promise<{ code: number | null; output: string }> {
  const base = await freePorts(3);
  const { configFile, p2pPort } = defined(devnet.plan[0]);
  const flags = {
    ...{ config: configFile, 'rpc-port': base, 'metrics-port': base + 1, 'p2p-port': base + 2 },
    ...{ bootstrap: `/ip4/127.0.0.1/tcp/${p2pPort}`, ...changes },
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, `${value}`]);
  const another = new NodeProcess('another sequencer', ['sequencer', ...args], { supervised: true });
  try {
    await another.until(() => another.hasExited, 'it gives up');
    return { code: (await another.exited).code, output: another.output };
  } finally {
    await another.crash();
  }
}

/** The one that runs goes on as if nothing had been. */
async function expectUndisturbed(nonce: number): Promise<void> {
  expect((await send(nonce)).status).toBe('0x1');
  const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
  await devnet.miniBlockReaches('replica-1', miniBlock);
  expect(await nodeInfo(devnet.rpcUrl('replica-1'))).toMatchObject({ state: 'live', isReady: true });
  expect(await rpc(devnet.rpcUrl('replica-1'), 'strobe_equivocations')).toEqual([]);
}

test('on the same data directory: refused as locked', async () => {
  const { code, output } = await startAnother({});
  expect(code).toBe(1);
  expect(output).toMatch(/"code":"LOCKED"/);
  expect(output).toMatch(/in use|another process/i);
  await expectUndisturbed(1);
});

test('with the same key and an empty data directory: refused, since peers follow that key already', async () => {
  const { code, output } = await startAnother({ 'data-dir': join(devnet.paths.root, 'empty') });
  expect(code).toBe(1);
  expect(output).toMatch(/"code":"(?:HIGHER_EPOCH_SEEN|SECOND_INSTANCE)"/);
  await expectUndisturbed(2);
});

test('with the same key and a backup of the data directory: refused, since the other one is alive', async () => {
  const { code, output } = await startAnother({ 'data-dir': copied });
  expect(code).toBe(1);
  expect(output).toMatch(/"code":"SECOND_INSTANCE"/);
  await expectUndisturbed(3);
});

test('under a key that everybody has, where others can reach it: refused', async () => {
  const [known] = devnet.accounts;
  const privateKey = fromHex(defined(known).privateKey);
  const password = new Secret((await readFile(devnet.paths.passwordFile, 'utf8')).trim());
  const { file } = await saveKey({
    folder: devnet.paths.keys,
    name: 'well-known',
    privateKey,
    password,
    scryptN: LIGHT_SCRYPT_N,
  });
  const genesis = JSON.parse(await readFile(devnet.paths.genesis, 'utf8')) as { strobe: { sequencerKeys: string[] } };
  genesis.strobe.sequencerKeys = [defined(known).address.toLowerCase()];
  const genesisFile = join(devnet.paths.root, 'well-known.json');
  await writeFile(genesisFile, JSON.stringify(genesis));
  const settings = { genesis: genesisFile, keystore: file, 'data-dir': join(devnet.paths.root, 'well-known') };
  const { code, output } = await startAnother({ ...settings, 'rpc-host': '0.0.0.0' });
  expect(code).toBe(1);
  expect(output).toMatch(/"code":"WELL_KNOWN_KEY"/);
  expect(output).toMatch(/strobe keys new/);
});
