import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, fromText, type Hex, toHex } from '../util/bytes.ts';
import { createDurably } from '../util/durable-file.ts';
import { errorMessage, isStrobeError, StrobeError } from '../util/errors.ts';
import { privateKeyToAddress } from '../util/secp256k1.ts';
import { decryptKey, encryptKey, parseKeystore } from './keystore.ts';
import type { Secret } from './secret.ts';

/** A key that is open in memory. */
export interface LoadedKey {
  privateKey: Bytes;
  address: Bytes;
}

export interface KeystoreEntry {
  address: Hex;
  file: string;
}

/** Only the owner reads a key … */
const FILE_MODE = 0o600;
/** … and only the owner sees which keys there are. */
const FOLDER_MODE = 0o700;

/** Larger files in the folder are no keystores (a V3 keystore has about 500 bytes). */
const MAX_KEYSTORE_BYTES = 16 * 1024;

/**
 * Opens the keystore file at `keystore`.
 * @throws StrobeError KEYSTORE_UNREADABLE, INVALID_KEYSTORE, WRONG_PASSWORD: each names the file
 */
export async function loadKey(options: { keystore: string; password: Secret }): Promise<LoadedKey> {
  const json = await readKeystoreFile(options.keystore);
  try {
    const privateKey = await decryptKey(parseKeystore(json), options.password);
    return { privateKey, address: privateKeyToAddress(privateKey) };
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    throw new StrobeError(error.code, `${options.keystore}: ${error.message}`, { file: options.keystore }, { cause: error });
  }
}

async function readKeystoreFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const message = `keystore ${file} cannot be read: ${errorMessage(cause)}`;
    throw new StrobeError('KEYSTORE_UNREADABLE', message, { file }, { cause });
  }
}

/**
 * Writes a new keystore of `privateKey` into `folder`, named after its address unless `name` says otherwise. It is synced:
 * once its address is known, somebody may send something there.
 * @throws StrobeError KEYSTORE_EXISTS: a key is never overwritten; KEYSTORE_UNWRITABLE
 */
export async function saveKey(options: {
  folder: string;
  privateKey: Bytes;
  password: Secret;
  scryptN?: number;
  name?: string;
}): Promise<KeystoreEntry> {
  const address = toHex(privateKeyToAddress(options.privateKey));
  const file = join(options.folder, `${options.name ?? address}.json`);
  const keystore = await encryptKey(options.privateKey, options.password, options.scryptN);
  try {
    await mkdir(options.folder, { recursive: true, mode: FOLDER_MODE });
    await chmod(options.folder, FOLDER_MODE);
    await createDurably(file, fromText(`${JSON.stringify(keystore, null, 2)}\n`), FILE_MODE);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' && syscall === 'open') {
      throw new StrobeError('KEYSTORE_EXISTS', `${file} exists; keys are never overwritten`, { file }, { cause });
    }
    throw new StrobeError(
      'KEYSTORE_UNWRITABLE',
      `keystore ${file} cannot be written: ${errorMessage(cause)}`,
      { file },
      { cause },
    );
  }
  return { address, file };
}

/**
 * The keystores in `folder` by file name; files of other kinds are left out. A missing folder holds none.
 * @throws StrobeError KEYSTORE_UNREADABLE
 */
export async function listKeys(folder: string): Promise<KeystoreEntry[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    const message = `keystores in ${folder} cannot be read: ${error.message}`;
    throw new StrobeError('KEYSTORE_UNREADABLE', message, { folder }, { cause: error });
  });
  const entries: KeystoreEntry[] = [];
  for (const name of names.sort()) {
    const file = join(folder, name);
    const address = name.endsWith('.json') ? await addressIn(file) : undefined;
    if (address !== undefined) entries.push({ address, file });
  }
  return entries;
}

async function addressIn(file: string): Promise<Hex | undefined> {
  const json = await readKeystoreFile(file);
  if (json.length > MAX_KEYSTORE_BYTES) return undefined;
  try {
    const { address } = parseKeystore(json);
    return address === undefined ? undefined : `0x${address.slice(-40).toLowerCase()}`;
  } catch (error) {
    if (isStrobeError(error, 'INVALID_KEYSTORE')) return undefined;
    throw error;
  }
}
