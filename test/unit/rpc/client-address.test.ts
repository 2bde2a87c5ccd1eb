import { describe, expect, it } from 'vitest';
import { ClientAddresses, clientKey, isLoopback } from '../../../src/rpc/client-address.ts';

function addressOf(peer: string | undefined, header: string | undefined, trustedProxies: readonly string[]): string {
  const addresses = new ClientAddresses({ trustedProxies, clientAddressHeader: 'x-forwarded-for' });
  return addresses.ofRequest({ socket: { remoteAddress: peer } as never, headers: { 'x-forwarded-for': header } });
}

describe('who a request comes from', () => {
  it.each([
    ['10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.7', '203.0.113.7'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.7, 10.9.9.9', '203.0.113.7'],
    ['10.0.0.1', '203.0.113.7:5123', '203.0.113.7'],
    ['10.0.0.1', '[2001:DB8::1]:443', '2001:db8::1'],
    ['10.0.0.1', '2001:0db8:0:0::1', '2001:db8::1'],
    ['10.0.0.1', '::ffff:cb00:7107', '203.0.113.7'],
    ['::ffff:10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['fd00::5', '203.0.113.7', '203.0.113.7'],
    ['fd00::5%eth0', '203.0.113.7', '203.0.113.7'],
    // Nonsense ends the list: what stands before it is worth nothing.
    ['10.0.0.1', '203.0.113.7, unknown', '10.0.0.1'],
    ['10.0.0.1', 'unknown, 10.2.0.0', '10.2.0.0'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', ',,,', '10.0.0.1'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    // Who is not trusted may say what it likes.
    ['203.0.113.1', '198.51.100.1', '203.0.113.1'],
    [undefined, '198.51.100.1', '0.0.0.0'],
  ])('peer %s with the header %j is %s', (peer, header, expected) => {
    expect(addressOf(peer, header, ['10.0.0.0/8', 'fd00::/8'])).toBe(expected);
  });

  it('is the peer when nobody is trusted', () => {
    expect(addressOf('127.0.0.1', '203.0.113.7', [])).toBe('127.0.0.1');
  });

  it.each(['proxy.example', '10.0.0.0/33', '::1/129', '10.0.0.0/x', '', '10.0.0/8'])('refuses the proxy %j', (range) => {
    expect(() => addressOf('10.0.0.1', undefined, [range])).toThrow('expected an IP address or a range');
  });
});

describe('what counts as one client', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::', '0:0:0:0::/64'],
    ['::1:2:3:4:5:6', '0:0:1:2::/64'],
  ])('%s is of %s', (address, key) => {
    expect(clientKey(address)).toBe(key);
  });

  it('knows this machine', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', '128.0.0.1', '::2'].map(isLoopback)).toEqual([true, true, true, false, false]);
  });
});
