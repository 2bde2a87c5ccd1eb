import type { Bytes } from '../util/bytes.ts';
import { serveThread } from '../util/thread.ts';
import { recoverBatch } from './recovery.ts';

serveThread({ recover: (packed: Bytes) => recoverBatch(packed) });
