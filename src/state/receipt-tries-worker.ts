import { serveThread } from '../util/thread.ts';
import { type BlockItems, type ReceiptRequest, ReceiptTries } from './receipt-tries.ts';

const tries = new ReceiptTries();

serveThread({
  build: (items: BlockItems) => tries.build(items),
  prove: (request: ReceiptRequest) => tries.prove(request),
});
