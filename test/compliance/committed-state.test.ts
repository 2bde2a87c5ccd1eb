import { StateTable } from '../../src/state/table/state-table.ts';
import { MapState } from '../support/map-state.ts';
import type { RestorableState } from '../support/state-listing.ts';
import { committedStateSuite } from './committed-state-suite.ts';
import { pastStatesSuite } from './past-states-suite.ts';

const STATES: Record<string, () => RestorableState> = { StateTable: () => new StateTable(), MapState: () => new MapState() };

for (const [name, create] of Object.entries(STATES)) {
  committedStateSuite(name, create);
  pastStatesSuite(name, create);
}
