import { openChainStore } from '../../src/store/open-chain-store.ts';
import { ChainBuilder } from './chain-builder.ts';

// Builds a chain and adds its blocks to the database in argv[2] until it is killed, and prints every sealed number.
const builder = new ChainBuilder();
const { genesis, genesisHeader } = builder;
const store = await openChainStore(
  { directory: process.argv[2] as string, chainId: genesis.chainId, genesisHeader },
  { log: { read: async function* () {} }, logger: console },
);
for (;;) {
  const block = builder.block(3, 5);
  for (const miniBlock of block.miniBlocks) store.appendMiniBlock(miniBlock);
  await store.sealBlock(block.seal);
  await store.putBlockDiff(block.seal.header.number, block.diffBytes);
  process.stdout.write(`${block.seal.header.number}\n`);
}
