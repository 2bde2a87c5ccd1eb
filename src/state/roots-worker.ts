import type { Bytes } from '../util/bytes.ts';
import { serveThread } from '../util/thread.ts';
import { BlockRoots, type SealRequest } from './block-roots.ts';

const roots = new BlockRoots();

serveThread({
  load: (diffBytes: Bytes) => roots.load(diffBytes),
  ready: () => roots.ready(),
  append: (miniBlockBytes: Bytes) => roots.append(miniBlockBytes),
  seal: (request: SealRequest) => roots.seal(request),
});
