import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { constants, zstdDecompressSync } from 'node:zlib';
import { errorMessage, StrobeError } from '../../src/util/errors.ts';

/** Third-party test data lies outside the repository: `STROBE_FIXTURES`, else `../shared/fixtures`. */
const FIXTURES_ROOT = process.env['STROBE_FIXTURES'] ?? resolve(import.meta.dirname, '..', '..', '..', 'shared', 'fixtures');

/** The archives use a 128 MiB window, above zstd's default limit. */
const WINDOW_LOG_MAX = 27;
/** The largest archive unpacks to 96 MB. */
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;

const reported = new Set<string>();

/**
 * Absolute path of a file or folder among the fixtures; undefined, with the reason printed once, when it is not there.
 * Use as `describe.skipIf(path === undefined)`.
 */
export function fixturePath(...parts: string[]): string | undefined {
  const path = join(FIXTURES_ROOT, ...parts);
  if (existsSync(path)) return path;
  skip(parts.join('/'), `not found below ${FIXTURES_ROOT} (set STROBE_FIXTURES)`);
  return undefined;
}

/**
 * The folder with the contents of a `.tar.zst` fixture, unpacked once per version of the archive into the system's
 * temporary folder; undefined, with the reason printed once, when it cannot be had.
 */
export function unpackFixture(archiveName: string): string | undefined {
  const archive = fixturePath(archiveName);
  if (archive === undefined) return undefined;
  const { size, mtimeMs } = statSync(archive);
  const target = join(tmpdir(), `strobe-fixtures-${archiveName}-${size}-${Math.trunc(mtimeMs)}`);
  if (existsSync(target)) return target;
  try {
    unpackInto(archive, target);
    return target;
  } catch (error) {
    skip(archiveName, `cannot unpack: ${errorMessage(error)}`);
    return undefined;
  }
}

/** Unpacks aside and renames, so that test files running side by side never see half an archive. */
function unpackInto(archive: string, target: string): void {
  const staging = mkdtempSync(`${target}-`);
  try {
    const contents = join(staging, 'contents');
    mkdirSync(contents);
    const tar = zstdDecompressSync(readFileSync(archive), {
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
      maxOutputLength: MAX_UNPACKED_BYTES,
    });
    const result = spawnSync('tar', ['-x', '-f', '-', '-C', contents], { input: tar, encoding: 'utf8' });
    if (result.error !== undefined) throw result.error;
    if (result.status !== 0) throw new StrobeError('FIXTURE_ARCHIVE', `tar: ${result.stderr.trim()}`);
    if (!existsSync(target)) renameSync(contents, target);
  } catch (error) {
    // Another process may have been first between the check and the rename.
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function skip(name: string, reason: string): void {
  if (reported.has(name)) return;
  reported.add(name);
  console.warn(`fixture ${name} skipped: ${reason}`);
}
