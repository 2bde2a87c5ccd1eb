import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ZERO_ADDRESS, ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { ProgressFile } from '../../../src/prover-stub/progress-file.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const owner = { genesisHash: ZERO_HASH, prover: ZERO_ADDRESS };
const block = {
  blockNumber: 3,
  blockHash: new Uint8Array(32).fill(1),
  epoch: 2,
  lastNumber: 30,
  lastDigest: new Uint8Array(32).fill(2),
  attestation: Uint8Array.of(9),
};

describe('ProgressFile', () => {
  it('gives back what was saved, and leaves no other file', async () => {
    const directory = join(tempDirectory(), 'new');
    const file = new ProgressFile(join(directory, 'progress.json'));
    const blocks = [block, { ...block, blockNumber: 4, attestation: undefined }];
    await file.save(owner, blocks);
    await file.save(owner, blocks);
    expect(await new ProgressFile(join(directory, 'progress.json')).load(owner)).toEqual(blocks);
    expect(readdirSync(directory)).toEqual(['progress.json']);
  });

  it('starts anew when the file is missing or torn', async () => {
    const path = join(tempDirectory(), 'progress.json');
    expect(await new ProgressFile(path).load(owner)).toEqual([]);
    for (const text of ['', '{"version":1,"genes', '{"version":2}', '[]']) {
      writeFileSync(path, text);
      expect(await new ProgressFile(path).load(owner)).toEqual([]);
    }
  });

  it('refuses the progress on another chain', async () => {
    const file = new ProgressFile(join(tempDirectory(), 'progress.json'));
    await file.save({ ...owner, genesisHash: new Uint8Array(32).fill(3) }, [block]);
    await expect(file.load(owner)).rejects.toMatchObject({ code: 'PROGRESS_OF_ANOTHER' });
  });

  it('fails with a code when the disk does', async () => {
    const path = join(tempDirectory(), 'progress.json');
    mkdirSync(path);
    await expect(new ProgressFile(path).load(owner)).rejects.toMatchObject({ code: 'PROGRESS_FILE_FAILED' });
    await expect(new ProgressFile(path).save(owner, [block])).rejects.toMatchObject({ code: 'PROGRESS_FILE_FAILED' });
  });
});
