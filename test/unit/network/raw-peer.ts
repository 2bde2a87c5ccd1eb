import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { protocolPrefix } from '../../../src/protocol/genesis.ts';
import { type RawHandlers, type RawLibp2p, startRawLibp2p } from '../../support/raw-libp2p.ts';
import { IDENTITY, LOOPBACK } from './network-fixture.ts';

export const PREFIX = protocolPrefix(IDENTITY);

/** A peer under the test's control: plain libp2p. */
export interface RawPeer extends AsyncDisposable {
  readonly libp2p: RawLibp2p;
  readonly id: string;
  readonly address: string;
  dial(address: string): Promise<Connection>;
}

/** @param handlers by the short name of the protocol */
export async function startRawPeer(handlers: RawHandlers = {}): Promise<RawPeer> {
  const named = Object.entries(handlers).map(([protocol, handler]) => [`${PREFIX}/${protocol}/1`, handler]);
  const libp2p = await startRawLibp2p(LOOPBACK, Object.fromEntries(named));
  return {
    libp2p,
    id: libp2p.peerId.toString(),
    address: libp2p.getMultiaddrs()[0]?.toString() as string,
    dial: (address) => libp2p.dial(multiaddr(address)),
    [Symbol.asyncDispose]: async () => {
      await libp2p.stop();
    },
  };
}
