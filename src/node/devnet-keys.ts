import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LIGHT_SCRYPT_N, randomPrivateKey } from '../crypto/keystore.ts';
import { type KeystoreEntry, listKeys, saveKey } from '../crypto/keystore-files.ts';
import { Secret } from '../crypto/secret.ts';
import { type Bytes, fromHex, fromText } from '../util/bytes.ts';
import { createDurably } from '../util/durable-file.ts';
import type { DevnetPaths } from './devnet-directory.ts';
import type { DevnetKeyAddresses } from './devnet-genesis.ts';

/** Name of the keystore of prover `index`, which counts from 0. */
export function proverName(index: number): string {
  return `prover-${index + 1}`;
}

/** Makes what is missing of the devnet's keys and password file, and reads the addresses of all. */
export async function ensureDevnetKeys(paths: DevnetPaths, provers: number): Promise<DevnetKeyAddresses> {
  const password = await ensurePassword(paths);
  const existing = await listKeys(paths.keys);
  const addressOf = async (name: string): Promise<Bytes> => {
    const file = join(paths.keys, `${name}.json`);
    const entry = existing.find((candidate) => candidate.file === file) ?? (await createKey(paths.keys, name, password));
    return fromHex(entry.address);
  };
  return {
    sequencer: await addressOf('sequencer'),
    operator: await addressOf('operator'),
    provers: await Promise.all(Array.from({ length: provers }, (_, index) => addressOf(proverName(index)))),
  };
}

async function ensurePassword(paths: DevnetPaths): Promise<Secret> {
  await mkdir(paths.keys, { recursive: true, mode: 0o700 });
  try {
    return new Secret((await readFile(paths.passwordFile, 'utf8')).trim());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = randomBytes(32).toString('hex');
  await createDurably(paths.passwordFile, fromText(`${password}\n`), 0o600);
  return new Secret(password);
}

async function createKey(folder: string, name: string, password: Secret): Promise<KeystoreEntry> {
  // The password lies beside the keystore, so a costly derivation would protect nothing.
  return saveKey({ folder, name, privateKey: randomPrivateKey(), password, scryptN: LIGHT_SCRYPT_N });
}
