import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net';
import { StrobeError } from '../util/errors.ts';

export interface ClientAddressOptions {
  /** Reverse proxies whose word on the client's address counts: addresses and CIDR ranges. */
  readonly trustedProxies: readonly string[];
  /** The header they give it in, lower case. */
  readonly clientAddressHeader: string;
}

/** A socket whose peer has left already has none; whoever that was shares one entry. */
const NOBODY = '0.0.0.0';

/** Tells which address a request comes from: the socket's peer, or whom a trusted proxy names. */
export class ClientAddresses {
  readonly #header: string;
  readonly #trusted = new BlockList();
  readonly #trustsAny: boolean;

  /** @throws StrobeError INVALID_ADDRESS_RANGE */
  constructor({ trustedProxies, clientAddressHeader }: ClientAddressOptions) {
    this.#header = clientAddressHeader.toLowerCase();
    this.#trustsAny = trustedProxies.length > 0;
    for (const range of trustedProxies) addRange(this.#trusted, range);
  }

  /** The address of a socket's other end. */
  ofPeer(remoteAddress: string | undefined): string {
    return canonical(remoteAddress ?? NOBODY) ?? NOBODY;
  }

  /**
   * The address of who sent a request. Proxies append to the header, so it is read from its end, over those that are
   * trusted: what stands before is the client's own claim.
   */
  ofRequest({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string {
    let address = this.ofPeer(socket.remoteAddress);
    if (!this.#trustsAny) return address;
    const named = String(headers[this.#header] ?? '').split(',');
    while (named.length > 0 && this.isTrusted(address)) {
      const next = canonical(withoutPort(String(named.pop()).trim()));
      if (next === undefined) break;
      address = next;
    }
    return address;
  }

  isTrusted(address: string): boolean {
    return this.#trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

/** @throws StrobeError INVALID_ADDRESS_RANGE */
function addRange(list: BlockList, range: string): void {
  const [address = '', prefix] = range.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const bits = Number(prefix ?? (family === 'ipv6' ? 128 : 32));
  if (isIP(address) === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 'ipv6' ? 128 : 32)) {
    throw new StrobeError('INVALID_ADDRESS_RANGE', `expected an IP address or a range such as 10.0.0.0/8, got ${range}`, {
      range,
    });
  }
  list.addSubnet(address, bits, family);
}

/** `1.2.3.4:56` and `[::1]:56`, as some proxies write it. */
function withoutPort(text: string): string {
  return /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
}

/** One spelling for each address, IPv4 within IPv6 as IPv4; undefined for what is none. */
function canonical(text: string): string | undefined {
  const family = isIP(text);
  if (family !== 6) return family === 4 ? text : undefined;
  const address = new SocketAddress({ address: text.replace(/%.*$/, ''), family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** Whoever has an IPv6 address has a /64 of them: what counts as one client. Takes and keeps IPv4 as it is. */
export function clientKey(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':');
    while (groups.length + last.length < 8) groups.push('0');
    groups.push(...last);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
