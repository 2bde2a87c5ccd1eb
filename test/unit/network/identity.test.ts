import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadIdentity } from '../../../src/network/identity.ts';

describe('the network key file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strobe-identity-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is created once, readable by its owner only, and gives the same peer id from then on', async () => {
    const path = join(folder, 'new', 'network.key');
    const first = await loadIdentity(path);
    expect(first.peerId).toMatch(/^12D3KooW/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'new'))).toEqual(['network.key']);
    expect(await loadIdentity(path)).toEqual(first);
    expect(await readFile(path, 'utf8')).toMatch(/^0x[0-9a-f]+\n$/);
  });

  it('has one winner when two processes create it at once', async () => {
    const path = join(folder, 'race.key');
    const [a, b] = await Promise.all([loadIdentity(path), loadIdentity(path)]);
    expect(a).toEqual(b);
  });

  it.each([
    ['empty', ''],
    ['not hex', 'a key\n'],
    ['not a key', '0x0102\n'],
    ['cut short', '0x0801124023\n'],
  ])('is refused when it is %s, and left as it is', async (_what, text) => {
    const path = join(folder, 'corrupt.key');
    await writeFile(path, text);
    await chmod(path, 0o600);
    await expect(loadIdentity(path)).rejects.toMatchObject({ code: 'NETWORK_KEY_CORRUPT', meta: { path } });
    expect(await readFile(path, 'utf8')).toBe(text);
  });
});
