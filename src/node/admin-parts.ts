import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { NetworkNode } from '../network/network-node.ts';
import { LOG_LEVELS, type Logger, setLogLevel } from '../observability/logger.ts';
import type { AdminPeer, NodeAdmin } from '../protocol/ports/admin.ts';
import type { NodeStatus } from '../protocol/ports/chain.ts';
import { AdminServer, MIN_TOKEN_LENGTH } from '../rpc/admin/admin-server.ts';
import { errorMessage } from '../util/errors.ts';
import { configError } from './config-error.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface AdminSettings {
  readonly dataDir: string;
  readonly adminHost: string;
  /** Undefined: there is no admin server. */
  readonly adminPort?: number | undefined;
  readonly adminTokenFile: string;
}

export interface AdminParts {
  readonly network: Pick<NetworkNode, 'addresses' | 'standings' | 'connections' | 'addPeer' | 'removePeer'>;
  readonly node: NodeStatus;
  /** The process's root logger: its level is what an operator changes. */
  readonly logger: Logger;
  readonly life: Lifecycle;
}

const TOKEN_BYTES = 32;
/** Only the owner reads the token. */
const TOKEN_FILE_MODE = 0o600;

/** Serves the admin methods where the settings name a port; others may go on without. */
export async function serveAdmin(settings: AdminSettings, { network, node, logger, life }: AdminParts): Promise<void> {
  const { adminHost: host, adminPort: port, adminTokenFile } = settings;
  if (port === undefined) return;
  const token = await readOrMakeToken(adminTokenFile);
  const admin = createAdmin(settings, { network, node, logger });
  const server = new AdminServer({ host, port, token }, { admin, logger: logger.child({ component: 'admin' }) });
  const address = await server.start();
  life.onStop('admin server', () => server.stop());
  logger.info({ admin: `http://${address.host}:${address.port}`, tokenFile: adminTokenFile }, 'serving admin methods');
}

/** @throws StrobeError INVALID_CONFIG */
async function readOrMakeToken(file: string): Promise<string> {
  try {
    // Fails when there is one.
    const made = randomBytes(TOKEN_BYTES).toString('hex');
    await writeFile(file, `${made}\n`, { flag: 'wx', mode: TOKEN_FILE_MODE });
    return made;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw configError([`${file}: ${errorMessage(cause)}`], cause);
  }
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw configError([`${file} cannot be read: ${errorMessage(cause)}`], cause);
  });
  const token = text.trim();
  if (token.length >= MIN_TOKEN_LENGTH && !/\s/.test(token)) return token;
  throw configError([`${file}: expected one word of at least ${MIN_TOKEN_LENGTH} characters`]);
}

function createAdmin({ dataDir }: AdminSettings, { network, node, logger }: Omit<AdminParts, 'life'>): NodeAdmin {
  return {
    nodeInfo: async () => {
      const addresses = network.addresses();
      const id = addresses[0]?.split('/p2p/')[1] ?? null;
      return {
        id,
        name: `strobe/${node.version}`,
        role: node.role,
        addresses,
        dataDir,
        logLevel: logger.level,
        status: await node.describe(),
      };
    },
    peers: async (): Promise<AdminPeer[]> => {
      const [standings, connections] = await Promise.all([network.standings(), network.connections()]);
      return standings.map((standing) => ({
        ...standing,
        connections: connections.filter(({ peer }) => peer === standing.peer),
      }));
    },
    addPeer: (address) => network.addPeer(address),
    removePeer: (peer) => network.removePeer(peer),
    logLevel: () => logger.level,
    setLogLevel: (name) => {
      const level = LOG_LEVELS.find((each) => each === name);
      if (level !== undefined) setLogLevel(logger, level);
      return level !== undefined;
    },
  };
}
