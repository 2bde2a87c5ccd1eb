import { availableParallelism } from 'node:os';
import * as z from 'zod';
import { type RpcLimits, type RpcLimitsInput, rpcLimitsSchema } from '../rpc/limits.ts';
import type { RpcServerOptions } from '../rpc/server.ts';
import type { Declaration, Setting, SettingsOf } from './config-setting.ts';

const words = z.string().min(1, 'expected text');
/** Names in a list: each is looked at for each request or connection, or once at the start. */
const MAX_NAMES = 256;
const names = z.array(words).max(MAX_NAMES).default([]);
/** Each answers one request at a time: more of them than cores make nothing faster. */
const MAX_EXECUTORS = 64;
/** What a machine of many cores gives them unless it is told to give more: they take memory, too. */
const MAX_DEFAULT_EXECUTORS = 4;
const LIMITS_GROUP = 'Limits of JSON-RPC:';

/** Who may ask, and what. */
export const rpcAccessSettings = {
  rpcAllowedHosts: {
    schema: names,
    file: 'rpc.allowedHosts',
    help: 'host names that requests may come in under, besides localhost, the bound host and IP addresses; * for all',
  },
  rpcAllowedOrigins: {
    schema: names,
    file: 'rpc.allowedOrigins',
    help: 'origins of web pages that may use the node (CORS), besides those of this machine, as https://app.example; * for all',
  },
  rpcTrustedProxies: {
    schema: names,
    file: 'rpc.trustedProxies',
    help: 'addresses and ranges (10.0.0.0/8) of reverse proxies that may say which client a request comes from',
  },
  rpcClientAddressHeader: {
    schema: words.default('x-forwarded-for'),
    file: 'rpc.clientAddressHeader',
    help: 'header in which they say so',
  },
  rpcLimitLoopback: {
    schema: z.boolean().default(false),
    file: 'rpc.limitLoopback',
    help: 'hold programs on this machine to the rate and the connections of one client too',
  },
  rpcApi: {
    schema: names,
    file: 'rpc.api',
    help: 'namespaces (eth) and methods (eth_call) that are served; all unless given',
  },
  rpcDeniedMethods: {
    schema: names,
    file: 'rpc.deniedMethods',
    help: 'namespaces and methods that are not served',
  },
} satisfies Declaration;

type LimitSettings = {
  readonly [Name in keyof RpcLimits as `rpc${Capitalize<Name>}`]: Setting<(typeof rpcLimitsSchema.shape)[Name]>;
};

/** A setting for each limit: `maxBodyBytes` is `--rpc-max-body-bytes` and `rpc.limits.maxBodyBytes`. */
const rpcLimitSettings = Object.fromEntries(
  Object.entries(rpcLimitsSchema.shape).map(([name, schema]): [string, Setting] => [
    settingOf(name),
    { schema, file: `rpc.limits.${name}`, help: schema.description ?? '', group: LIMITS_GROUP },
  ]),
) as LimitSettings;

/** @param maxCallMs and maxTraceMs: defaults for the longest call and trace, which depend on what else the role does */
export function rpcSettings(defaults: { readonly port: number; readonly maxCallMs: number; readonly maxTraceMs: number }) {
  const port = z.int('expected a port number').min(0, 'a port is 0 to 65535').max(65_535, 'a port is 0 to 65535');
  return {
    rpcHost: { schema: words.default('127.0.0.1'), file: 'rpc.host', help: 'host of the JSON-RPC server (HTTP and WebSocket)' },
    rpcPort: {
      schema: port.default(defaults.port),
      file: 'rpc.port',
      help: 'port of the JSON-RPC server (HTTP and WebSocket)',
    },
    ...rpcAccessSettings,
    ...rpcLimitSettings,
    rpcExecutors: {
      ...rpcLimitSettings.rpcExecutors,
      schema: z.int().min(1).max(MAX_EXECUTORS).default(defaultExecutors(availableParallelism())),
    },
    rpcMaxTraceMs: { ...rpcLimitSettings.rpcMaxTraceMs, schema: z.int().min(1).default(defaults.maxTraceMs) },
    rpcMaxCallMs: {
      schema: z.int().min(1).max(60_000).default(defaults.maxCallMs),
      file: 'rpc.limits.maxCallMs',
      help: 'longest call or estimate, in ms',
      group: LIMITS_GROUP,
    },
    rpcMaxProofMs: {
      // Clients give up after 10 s, and those that ask again find the trie nearer.
      schema: z.int().min(1).default(8_000),
      file: 'rpc.limits.maxProofMs',
      help: 'longest wait for the state trie of an old block, in ms',
      group: LIMITS_GROUP,
    },
    rpcCallGasCap: {
      // geth's --rpc.gascap.
      schema: z.int().min(21_000).default(50_000_000),
      file: 'rpc.limits.callGasCap',
      help: 'most gas of a call or an estimate',
      group: LIMITS_GROUP,
    },
  } satisfies Declaration;
}

export type RpcSettings = SettingsOf<ReturnType<typeof rpcSettings>>;

/** Who may use the server, under the names that it and configuration files have. */
export function rpcAccessOf(settings: SettingsOf<typeof rpcAccessSettings>) {
  return {
    allowedHosts: settings.rpcAllowedHosts,
    allowedOrigins: settings.rpcAllowedOrigins,
    trustedProxies: settings.rpcTrustedProxies,
    clientAddressHeader: settings.rpcClientAddressHeader,
    limitLoopback: settings.rpcLimitLoopback,
    api: settings.rpcApi,
    deniedMethods: settings.rpcDeniedMethods,
  };
}

/** What the settings say to the server. */
export function rpcServerOptions(settings: RpcSettings): Omit<RpcServerOptions, 'baseFeeFloorWei'> {
  return {
    host: settings.rpcHost,
    port: settings.rpcPort,
    ...rpcAccessOf(settings),
    limits: rpcLimitsOf(settings),
  };
}

/** Limits that the chain store keeps. */
export function logLimitsOf({ rpcMaxLogRangeBlocks, rpcMaxLogResults }: RpcSettings): { maxLogBlocks: number; maxLogs: number } {
  return { maxLogBlocks: rpcMaxLogRangeBlocks, maxLogs: rpcMaxLogResults };
}

function rpcLimitsOf(settings: RpcSettings): RpcLimitsInput {
  const byName: Readonly<Record<string, unknown>> = settings;
  return Object.fromEntries(Object.keys(rpcLimitsSchema.shape).map((name) => [name, byName[settingOf(name)]]));
}

function settingOf(limit: string): string {
  return `rpc${limit.charAt(0).toUpperCase()}${limit.slice(1)}`;
}

/** Half of the cores: the clock, the network and the reads need the others. */
function defaultExecutors(cores: number): number {
  return Math.max(1, Math.min(MAX_DEFAULT_EXECUTORS, Math.floor(cores / 2)));
}
