import { StateTable } from '../../src/state/table/state-table.ts';
import { MapState } from '../support/map-state.ts';
import { worldStateSuite } from './world-state-suite.ts';

worldStateSuite('MapState', () => new MapState());
worldStateSuite('StateTable', () => new StateTable());
