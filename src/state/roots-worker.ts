import type { Bytes } from '../util/bytes.ts';
import { serveThread } from '../util/thread.ts';
import { BlockRoots, type CommittedMiniBlock, type WitnessRequest } from './block-roots.ts';

const roots = new BlockRoots();

serveThread({
  load: (diffBytes: Bytes) => roots.load(diffBytes),
  ready: () => roots.ready(),
  append: (miniBlock: CommittedMiniBlock) => roots.append(miniBlock),
  roots: () => roots.roots(),
  seal: (request: WitnessRequest) => roots.seal(request),
});
