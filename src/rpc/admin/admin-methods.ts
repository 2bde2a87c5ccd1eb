import type { Logger } from '../../observability/logger.ts';
import type { NodeAdmin } from '../../protocol/ports/admin.ts';
import { isStrobeError } from '../../util/errors.ts';
import { quantity } from '../../util/quantity.ts';
import type { RpcLimits } from '../limits.ts';
import { invalidParams } from '../rpc-error.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

export interface AdminModules {
  readonly admin: NodeAdmin;
  readonly limits: RpcLimits;
  readonly logger: Logger;
}

type AdminMethod<Params> = RpcMethod<Params, AdminModules>;

const adminNodeInfo: AdminMethod<undefined> = {
  name: 'admin_nodeInfo',
  maxParams: 0,
  parse: noParams,
  handle: (_, { admin }) => admin.nodeInfo(),
};

const adminPeers: AdminMethod<undefined> = {
  name: 'admin_peers',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { admin }) =>
    (await admin.peers()).map(({ direction, connections, ...peer }) => ({
      ...peer,
      direction: direction ?? null,
      connections: connections.map(({ address, direction: way, openedAtMs }) => {
        return { address, direction: way, openedAt: quantity(Math.floor(openedAtMs / 1_000)) };
      }),
    })),
};

/** As geth's, with a multiaddr in place of an enode. */
const adminAddPeer: AdminMethod<string> = {
  name: 'admin_addPeer',
  maxParams: 1,
  parse: ([address]) => readText(address, 'address', 'expected a multiaddr such as /ip4/10.0.0.1/tcp/9645'),
  handle: async (address, { admin, logger }) => {
    logger.info({ address }, 'the operator adds a peer');
    try {
      return await admin.addPeer(address);
    } catch (error) {
      if (isStrobeError(error, 'INVALID_MULTIADDR')) throw invalidParams('address', error.message);
      throw error;
    }
  },
};

const adminRemovePeer: AdminMethod<string> = {
  name: 'admin_removePeer',
  maxParams: 1,
  parse: ([peer]) => readText(peer, 'peer', 'expected the id of a peer, as admin_peers gives it'),
  handle: (peer, { admin, logger }) => {
    logger.info({ peer }, 'the operator removes a peer');
    return admin.removePeer(peer);
  },
};

/** Answers the level from before. */
const adminSetLogLevel: AdminMethod<string> = {
  name: 'admin_setLogLevel',
  maxParams: 1,
  parse: ([level]) => readText(level, 'level', 'expected the name of a level'),
  handle: (level, { admin, logger }) => {
    const before = admin.logLevel();
    if (!admin.setLogLevel(level)) throw invalidParams('level', 'expected trace, debug, info, warn, error, fatal or silent');
    logger.info({ before, level }, 'the operator changes the level of the log');
    return before;
  },
};

export const ADMIN_METHODS: readonly RpcMethod<unknown, AdminModules>[] = [
  adminNodeInfo,
  adminPeers,
  adminAddPeer,
  adminRemovePeer,
  adminSetLogLevel,
];

/** Longest parameter: multiaddrs have some hundred characters. */
const MAX_TEXT_LENGTH = 512;

function readText(value: unknown, field: string, expected: string): string {
  if (typeof value === 'string' && value.length <= MAX_TEXT_LENGTH) return value;
  throw invalidParams(field, expected);
}
