import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { type Bytes, fromHex, toHex } from '../util/bytes.ts';
import { networkError } from './network-errors.ts';

/** A node's name on the network: it outlives restarts, so peers can pin and find it again. */
export interface NetworkIdentity {
  /** libp2p's protobuf form of the private key. */
  readonly privateKey: Bytes;
  readonly peerId: string;
}

/**
 * Reads the key file, creating it (mode 0600, with its folder) when it is absent. The file holds the key's protobuf as
 * one line of 0x-prefixed hex.
 * @throws StrobeError NETWORK_KEY_CORRUPT naming the file
 */
export async function loadIdentity(path: string): Promise<NetworkIdentity> {
  const text = (await readKeyFile(path)) ?? (await createKeyFile(path));
  try {
    const privateKey = fromHex(text.trim());
    return { privateKey, peerId: peerIdOf(privateKey) };
  } catch (cause) {
    const message = `${path} holds no libp2p private key; restore it, or delete it to get a new peer id`;
    throw networkError('NETWORK_KEY_CORRUPT', message, { path }, cause);
  }
}

/** A key that no file keeps, for nodes that need no lasting name. */
export async function createIdentity(): Promise<NetworkIdentity> {
  const privateKey = privateKeyToProtobuf(await generateKeyPair('Ed25519'));
  return { privateKey, peerId: peerIdOf(privateKey) };
}

function peerIdOf(privateKey: Bytes): string {
  return peerIdFromPrivateKey(privateKeyFromProtobuf(privateKey)).toString();
}

async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw networkError('NETWORK_KEY_CORRUPT', `cannot read ${path}`, { path }, error);
  }
}

/** Written aside and linked: the file is never seen half written, and of two processes that race one key wins. */
async function createKeyFile(path: string): Promise<string> {
  const text = `${toHex((await createIdentity()).privateKey)}\n`;
  await mkdir(dirname(path), { recursive: true });
  const staging = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(staging, text, { mode: 0o600, flag: 'wx', flush: true });
    await link(staging, path);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return await readFile(path, 'utf8');
  } finally {
    await rm(staging, { force: true });
  }
}
