import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeHeader, hashHeader } from '../../src/protocol/block-header.ts';
import { formatHeader } from '../../src/protocol/header-json.ts';
import { encodeHeaderView, viewHeader } from '../../src/protocol/header-view.ts';
import { header } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';

test('the view of a header is the header: the same bytes, and every field in its JSON', () => {
  fc.assert(
    fc.property(header, (value) => {
      expect(encodeHeaderView(viewHeader(value))).toEqual(encodeHeader(value));
      // 21 fields are hashed; the hash is added.
      expect(Object.keys(formatHeader(value, hashHeader(value)))).toHaveLength(22);
    }),
    runs(200),
  );
});
