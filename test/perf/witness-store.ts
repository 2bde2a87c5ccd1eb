/**
 * What it costs to make a witness durable: a file each (create, sync, rename, sync of the directory) against segment
 * files, in turns in one run. `node test/perf/witness-store.ts [directory]`: the disk of that directory is measured.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { WitnessStore } from '../../src/store/witness-store.ts';
import { type Bytes, concatBytes } from '../../src/util/bytes.ts';
import { writeDurably } from '../../src/util/durable-file.ts';
import { describeTimes, percentile, timeEach } from './percentiles.ts';

const ROUNDS = 20;
const PUTS_PER_ROUND = 10;
const STORE_BYTES = 8 * 1024 * 1024 * 1024;

/** A witness as a file of its own: its checksum in front of it. */
async function putFile(path: string, witness: Bytes): Promise<void> {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(witness));
  await writeDurably(path, concatBytes(checksum, witness));
}

const directory = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'strobe-perf-'));
try {
  for (const bytes of [20_000, 200_000, 2_000_000]) {
    const witness = randomBytes(bytes);
    const store = await WitnessStore.open({ directory: join(directory, `segments-${bytes}`), maxBytes: STORE_BYTES });
    const files: number[] = [];
    const segments: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const first = round * PUTS_PER_ROUND;
      files.push(...(await timeEach(PUTS_PER_ROUND, (i) => putFile(join(directory, `${bytes}-${first + i}`), witness))));
      segments.push(...(await timeEach(PUTS_PER_ROUND, (i) => store.put(first + i, witness))));
    }
    const openMs = await timeEach(1, () =>
      WitnessStore.open({ directory: join(directory, `segments-${bytes}`), maxBytes: STORE_BYTES }),
    );
    const ratio = percentile(files, 50) / percentile(segments, 50);
    console.log(
      `${bytes} bytes: a file each ${describeTimes(files)}; segments ${describeTimes(segments)}; ${ratio.toFixed(1)} times; ` +
        `open with ${ROUNDS * PUTS_PER_ROUND} ${(openMs[0] as number).toFixed(1)} ms`,
    );
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
