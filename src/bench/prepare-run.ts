import { type BenchAccount, deriveAccounts } from './bench-accounts.ts';
import { type BenchOptions, plannedTransactions } from './bench-options.ts';
import { type ChainTerms, planFees, readNonces } from './chain-state.ts';
import { runSetup } from './contract-setup.ts';
import { type PresignedLoad, presignLoad } from './presigned-load.ts';
import type { PhaseProgress } from './progress.ts';
import type { RpcClient } from './rpc-client.ts';
import { SeededRandom } from './seeded-random.ts';
import { SETUP_CALLS_GAS_PER_ACCOUNT, SETUP_GAS, SetupPlan } from './setup-plan.ts';
import { createWorkload, maxCallGas, type Workload } from './workloads.ts';

/** With a rate, a batch holds what is due in a hundredth of a second: larger ones would make a steady flow bursts. */
const BATCHES_PER_SECOND = 100;

export type PreparedRun = {
  accounts: readonly BenchAccount[];
  terms: ChainTerms;
  workload: Workload;
  load: PresignedLoad;
};

export type RunModules = { rpc: RpcClient; progress: PhaseProgress };

/** Everything before the clock starts: accounts, fees, contracts on the chain, every transaction signed. */
export async function prepareRun(options: BenchOptions, modules: RunModules, signal: AbortSignal): Promise<PreparedRun> {
  const { rpc, progress } = modules;
  const accounts = deriveAccounts(options.mnemonic, options.accounts);
  const callGas = maxCallGas(options.workload);
  const { terms, topUps } = await planFees(rpc, accounts, gasBudgets(options, callGas), callGas);
  await readNonces(rpc, accounts);
  const setup = new SetupPlan(accounts);
  for (const { index, amountWei } of topUps) setup.pay(index, amountWei);
  const workload = createWorkload(options.workload, setup, new SeededRandom(options.seed));

  progress.start('set-up', setup.owner.length + setup.everyone.length);
  await runSetup(rpc, setup, terms, signal, (done) => progress.update(done));
  progress.stop();

  const transactions = plannedTransactions(options);
  const shape = { transactions, batchSize: batchSizeFor(options), lanes: options.concurrency };
  progress.start('signing', transactions);
  const load = await presignLoad(shape, accounts, terms, workload, (signed) => progress.update(signed));
  progress.stop();
  return { accounts, terms, workload, load };
}

function batchSizeFor({ batchSize, rate }: BenchOptions): number {
  if (rate === 0) return batchSize;
  return Math.max(1, Math.min(batchSize, Math.floor(rate / BATCHES_PER_SECOND)));
}

/** An upper bound for each account; the spread over lanes is uneven by a batch at most. */
function gasBudgets(options: BenchOptions, callGas: bigint): bigint[] {
  const transactions = plannedTransactions(options) + options.syncSamples;
  const perAccount = Math.ceil(transactions / options.accounts) + options.batchSize;
  const budget = BigInt(perAccount) * callGas;
  if (options.workload === 'transfer') return new Array<bigint>(options.accounts).fill(budget);
  const owner = budget + SETUP_GAS + BigInt(options.accounts) * SETUP_CALLS_GAS_PER_ACCOUNT;
  return Array.from({ length: options.accounts }, (_, index) => (index === 0 ? owner : budget + SETUP_CALLS_GAS_PER_ACCOUNT));
}
