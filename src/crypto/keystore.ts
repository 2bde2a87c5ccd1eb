import { createCipheriv, createDecipheriv, pbkdf2, randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import secp256k1 from 'secp256k1';
import * as z from 'zod';
import { type Bytes, concatBytes, fromKey, toHex, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { privateKeyToAddress } from '../util/secp256k1.ts';
import type { Secret } from './secret.ts';

/** scrypt's cost for keys that matter: 256 MiB and about a second, geth's "standard" setting. */
export const STANDARD_SCRYPT_N = 262_144;
/** scrypt's cost for throw-away keys of a devnet: 4 MiB, geth's "light" setting. */
export const LIGHT_SCRYPT_N = 4096;

const SCRYPT_R = 8;
/** geth's p for the light setting is 6, which makes up for the smaller N; standard is 1. */
const scryptParallelism = (n: number): number => (n < STANDARD_SCRYPT_N ? 6 : 1);
const DERIVED_KEY_BYTES = 32;

/** A keystore from elsewhere may ask for any amount of memory: 1 GiB is four times the standard setting. */
const MAX_SCRYPT_BYTES = 1024 ** 3;
/** … and of time: sixteen lanes are twice what published keystores use. */
const MAX_SCRYPT_P = 16;
/** Ten times what current wallets use. */
const MAX_PBKDF2_ROUNDS = 10_000_000;

const hex = z.string().regex(/^(?:[0-9a-fA-F]{2})+$/, 'expected hex without prefix');
const hexOf = (bytes: number) => hex.length(bytes * 2);

const scryptParameters = z.object({
  kdf: z.literal('scrypt'),
  kdfparams: z.object({
    n: z
      .int()
      .min(2)
      .refine((n) => (n & (n - 1)) === 0, 'n is a power of two'),
    r: z.int().min(1).max(64),
    p: z.int().min(1).max(MAX_SCRYPT_P),
    dklen: z.literal(DERIVED_KEY_BYTES),
    salt: hex,
  }),
});

const pbkdf2Parameters = z.object({
  kdf: z.literal('pbkdf2'),
  kdfparams: z.object({
    c: z.int().min(1).max(MAX_PBKDF2_ROUNDS),
    prf: z.literal('hmac-sha256'),
    dklen: z.literal(DERIVED_KEY_BYTES),
    salt: hex,
  }),
});

const cipherParameters = z.object({
  cipher: z.literal('aes-128-ctr'),
  cipherparams: z.object({ iv: hexOf(16) }),
  ciphertext: hexOf(32),
  mac: hexOf(32),
});

/** Web3 Secret Storage, version 3: https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage */
const keystoreSchema = z.object({
  version: z.literal(3),
  id: z.string(),
  address: z
    .string()
    .regex(/^(?:0x)?[0-9a-fA-F]{40}$/)
    .optional(),
  crypto: z.discriminatedUnion('kdf', [
    scryptParameters.extend(cipherParameters.shape),
    pbkdf2Parameters.extend(cipherParameters.shape),
  ]),
});

export type Keystore = z.infer<typeof keystoreSchema>;

/** @throws StrobeError INVALID_KEYSTORE when `json` is not a V3 keystore, or asks for unreasonable work */
export function parseKeystore(json: string): Keystore {
  const parsed = keystoreSchema.safeParse(parseJson(json));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(`not a V3 keystore: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid('not a V3 keystore: the file is not JSON', cause);
  }
}

/** Encrypts a private key; `scryptN` is {@link STANDARD_SCRYPT_N} unless the key is worth nothing. */
export async function encryptKey(privateKey: Bytes, password: Secret, scryptN = STANDARD_SCRYPT_N): Promise<Keystore> {
  const address = privateKeyToAddress(privateKey);
  const salt = randomBytes(32).toString('hex');
  const kdfparams = { n: scryptN, r: SCRYPT_R, p: scryptParallelism(scryptN), dklen: 32 as const, salt };
  const derived = await deriveKey({ kdf: 'scrypt', kdfparams }, password);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv);
  const ciphertext = concatBytes(cipher.update(privateKey), cipher.final());
  return {
    version: 3,
    id: randomUUID(),
    address: toKey(address),
    crypto: {
      kdf: 'scrypt',
      kdfparams,
      cipher: 'aes-128-ctr',
      cipherparams: { iv: iv.toString('hex') },
      ciphertext: toKey(ciphertext),
      mac: toKey(macOf(derived, ciphertext)),
    },
  };
}

/**
 * The private key in `keystore`.
 * @throws StrobeError WRONG_PASSWORD when the MAC does not match (a changed file looks the same), INVALID_KEYSTORE
 *   when the key belongs to another address than the file says
 */
export async function decryptKey(keystore: Keystore, password: Secret): Promise<Bytes> {
  const { crypto } = keystore;
  const derived = await deriveKey(crypto, password);
  const ciphertext = fromKey(crypto.ciphertext);
  if (!timingSafeEqual(macOf(derived, ciphertext), fromKey(crypto.mac))) {
    throw new StrobeError('WRONG_PASSWORD', 'the password does not open this keystore, or the file was changed');
  }
  const decipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), fromKey(crypto.cipherparams.iv));
  const privateKey = concatBytes(decipher.update(ciphertext), decipher.final());
  const address = toHex(privateKeyToAddress(privateKey));
  if (keystore.address !== undefined && address.slice(-40) !== keystore.address.slice(-40).toLowerCase()) {
    throw invalid(`the keystore says address ${keystore.address} but holds the key of ${address}`);
  }
  return privateKey;
}

/** A new private key from the system's randomness. */
export function randomPrivateKey(): Bytes {
  for (;;) {
    const candidate = new Uint8Array(randomBytes(32));
    if (secp256k1.privateKeyVerify(candidate)) return candidate;
  }
}

/** keccak256 over the second half of the derived key and the ciphertext. */
function macOf(derived: Bytes, ciphertext: Bytes): Bytes {
  return keccak256(concatBytes(derived.subarray(16, 32), ciphertext));
}

type KdfParameters = z.infer<typeof scryptParameters> | z.infer<typeof pbkdf2Parameters>;

async function deriveKey(parameters: KdfParameters, password: Secret): Promise<Bytes> {
  // Normalised as wallets do, so that the same keys typed on another system open the file.
  const secret = password.reveal().normalize('NFKC');
  if (parameters.kdf === 'pbkdf2') {
    const { c, salt, dklen } = parameters.kdfparams;
    return promisify(pbkdf2)(secret, fromKey(salt), c, dklen, 'sha256');
  }
  const { n, r, p, dklen, salt } = parameters.kdfparams;
  const memory = 128 * n * r;
  if (memory > MAX_SCRYPT_BYTES) {
    throw invalid(`the keystore asks for ${memory} bytes of memory; ${MAX_SCRYPT_BYTES} are allowed`);
  }
  // OpenSSL wants room for its p lanes and scratch as well; twice the table covers every p that passes the schema.
  return new Promise((resolve, reject) => {
    scrypt(secret, fromKey(salt), dklen, { N: n, r, p, maxmem: 2 * memory + 1024 * 1024 }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(invalid(`scrypt refuses n=${n} r=${r} p=${p}`, error));
    });
  });
}

function invalid(message: string, cause?: unknown): StrobeError<'INVALID_KEYSTORE'> {
  return new StrobeError('INVALID_KEYSTORE', message, {}, cause === undefined ? undefined : { cause });
}
