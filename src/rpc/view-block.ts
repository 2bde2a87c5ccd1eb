import { viewHeader } from '../protocol/header-view.ts';
import type { BlockView } from '../protocol/ports/block-view.ts';
import type { Block } from '../protocol/ports/chain.ts';

/** Header, ommers and withdrawals of a block; those of Strobe have none of the latter two. */
export function viewBlock({ header, view }: Pick<Block, 'header' | 'view'>): BlockView {
  return view ?? { header: viewHeader(header), ommers: [], withdrawals: [] };
}
