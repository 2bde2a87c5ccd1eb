import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { deriveAccounts } from '../../../src/bench/bench-accounts.ts';
import { quantity } from '../../../src/bench/chain-state.ts';
import { RpcClient } from '../../../src/bench/rpc-client.ts';
import { SeededRandom } from '../../../src/bench/seeded-random.ts';
import { deriveDevnetAccounts } from '../../../src/node/devnet-accounts.ts';
import { TestDevnet } from '../../support/test-devnet.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Anvil } from './anvil.ts';
import { blockNumber, fillChain } from './bench-chain.ts';
import { copyChain } from './copy-chain.ts';
import { LoadClient } from './load-client.ts';
import { measureReads, type ReadServer } from './measure-reads.ts';
import { measureSync } from './measure-sync.ts';
import { compareAnswers, readKinds } from './read-kinds.ts';
import type { RpcBenchOptions } from './rpc-bench-options.ts';
import type { RpcBenchReport } from './rpc-bench-report.ts';

const SEQUENCER = 'sequencer';
const REPLICA = 'replica-1';
const SETUP_SOCKETS = 4;
const REPLICA_TIMEOUT_MS = 60_000;

/** Starts a sequencer, a replica and, where it runs, anvil with the same chain; measures; ends them all. */
export async function runRpcBench(options: RpcBenchOptions): Promise<RpcBenchReport> {
  const progress = (text: string): boolean => process.stderr.write(`${text}\n`);
  await using stack = new AsyncDisposableStack();
  const devnet = stack.use(await TestDevnet.create({ replicas: 1 }));
  if (options.profile !== undefined) await writeProfiles(devnet, options.profile);
  progress('starting sequencer and replica');
  await devnet.start(SEQUENCER);
  await devnet.start(REPLICA);
  const clientOf = (url: string): RpcClient => stack.adopt(new RpcClient(url, SETUP_SOCKETS), (client) => client.close());
  const sequencer = clientOf(devnet.rpcUrl(SEQUENCER));
  const replica = clientOf(devnet.rpcUrl(REPLICA));
  const random = new SeededRandom(options.seed);
  const { mnemonic } = deriveDevnetAccounts(1);
  const [owner] = deriveAccounts(mnemonic, 1) as [ReturnType<typeof deriveAccounts>[number]];
  progress(`filling ${options.blocks} blocks with ${options.logs} logs each`);
  const chain = await fillChain(sequencer, owner, random, options);
  const hasAll = async (): Promise<boolean> => (await blockNumber(replica)) >= chain.lastBlock;
  await waitFor(hasAll, { timeoutMs: REPLICA_TIMEOUT_MS, what: 'the replica has the chain' });

  const client = stack.use(new LoadClient());
  const servers: ReadServer[] = [serverOf('replica', devnet.rpcUrl(REPLICA), devnet.process(REPLICA).pid)];
  const kinds = readKinds(chain);
  const readers = [replica];
  let skipped: string | undefined;
  if (options.parts.includes('reads')) {
    const started = await Anvil.start({ chainId: devnet.chainId, mnemonic, baseFeeWei: await firstBaseFee(replica) });
    if (started instanceof Anvil) {
      const anvil = stack.use(started);
      readers.push(clientOf(anvil.url));
      progress(`copying ${chain.lastBlock} blocks to anvil ${anvil.version}`);
      await copyChain(replica, readers[1] as RpcClient, chain.lastBlock);
      servers.push(serverOf(`anvil ${anvil.version}`, anvil.url, anvil.pid));
    } else {
      skipped = started;
      progress(skipped);
    }
  }
  const logsOfAnswer = await compareAnswers(kinds, readers);
  const reads = options.parts.includes('reads') ? await measureReads(client, kinds, servers, options) : [];
  let sync: RpcBenchReport['sync'];
  if (options.parts.includes('sync')) {
    progress('synchronous sends');
    const urls = [devnet.rpcUrl(SEQUENCER), devnet.rpcUrl(REPLICA)] as const;
    sync = await measureSync(client, sequencer, urls, chain, owner, random, options.sends);
  }
  // A profile is written by a process that ends in order.
  if (options.profile !== undefined) await devnet.process(REPLICA).stop();
  const { blocks, logs, holders, rounds } = options;
  const names = servers.map(({ name }) => name);
  return { chain: { blocks, logs, holders, logsOfAnswer }, servers: names, rounds, skipped, reads, sync };
}

/** Has the replica's threads leave profiles in `folder`. */
async function writeProfiles(devnet: TestDevnet, folder: string): Promise<void> {
  const path = resolve(folder);
  await mkdir(path, { recursive: true });
  devnet.place(REPLICA, ['env', `NODE_OPTIONS=--cpu-prof --cpu-prof-dir=${path}`]);
}

function serverOf(name: string, url: string, pid: number): ReadServer {
  return { name, port: Number(new URL(url).port), pid };
}

async function firstBaseFee(rpc: RpcClient): Promise<bigint> {
  const genesis = await rpc.call('eth_getBlockByNumber', ['0x0', false]);
  return quantity((genesis as { baseFeePerGas?: unknown } | null)?.baseFeePerGas);
}
