import { StateTable } from '../../src/state/table/state-table.ts';
import { MapState } from '../support/map-state.ts';
import { committedStateSuite } from './committed-state-suite.ts';

committedStateSuite('StateTable', () => new StateTable());
committedStateSuite('MapState', () => new MapState());
