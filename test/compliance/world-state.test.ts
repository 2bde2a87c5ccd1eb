import { FlatState } from '../../src/state/flat-state.ts';
import { worldStateSuite } from './world-state-suite.ts';

worldStateSuite('FlatState', () => new FlatState());
