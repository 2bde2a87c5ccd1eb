import type { DevnetAccounts } from './devnet-accounts.ts';
import type { DevnetProcess } from './devnet-plan.ts';

export interface BannerOptions {
  chainId: number;
  rpcHost: string;
  plan: readonly DevnetProcess[];
  accounts: DevnetAccounts;
  dataDir: string;
}

/** Accounts listed with their private keys; the mnemonic gives the rest. */
const LISTED_ACCOUNTS = 10;
const WEI_PER_ETHER = 10n ** 18n;

/** What a person needs to use the devnet that has just become ready. */
export function renderBanner(options: BannerOptions): string {
  const { plan, accounts, chainId } = options;
  const host = options.rpcHost === '0.0.0.0' || options.rpcHost === '::' ? '127.0.0.1' : options.rpcHost;
  const rpcUrl = `http://${host}:${plan[0]?.rpcPort}`;
  const nodes = plan.map(({ name, rpcPort, metricsPort }) => {
    const endpoints = rpcPort === undefined ? '' : `http://${host}:${rpcPort}  ws://${host}:${rpcPort}`;
    return `  ${name.padEnd(11)} ${endpoints.padEnd(46)} http://127.0.0.1:${metricsPort}/metrics`;
  });
  const listed = accounts.accounts.slice(0, LISTED_ACCOUNTS);
  const keys = listed.map(({ address, privateKey }, index) => `  (${index}) ${address}  ${privateKey}`);
  const [from, to] = accounts.accounts;
  return [
    '',
    `Strobe devnet is ready: chain id ${chainId}, data in ${options.dataDir}`,
    '',
    `  ${'process'.padEnd(11)} ${'JSON-RPC over HTTP and WebSocket'.padEnd(46)} Prometheus`,
    ...nodes,
    '',
    `Accounts: ${accounts.accounts.length}, ${accounts.balanceWei / WEI_PER_ETHER} ETH each. Everybody knows these keys: never send them anything real.`,
    ...keys,
    `  mnemonic: ${accounts.mnemonic}`,
    '',
    'MetaMask: Settings > Networks > Add a network manually',
    `  network name Strobe Devnet, RPC URL ${rpcUrl}, chain id ${chainId}, currency symbol ETH`,
    '',
    'Try it:',
    `  cast block-number --rpc-url ${rpcUrl}`,
    `  cast send --rpc-url ${rpcUrl} --private-key ${from?.privateKey} ${(to ?? from)?.address} --value 1ether`,
    '',
    'Ctrl-C stops all processes; the next start goes on where this one stopped (--fresh starts over).',
    '',
    '',
  ].join('\n');
}
