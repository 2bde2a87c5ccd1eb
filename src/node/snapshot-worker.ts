import { type TableHandle, TableReader } from '../state/table/table-reader.ts';
import { serveSnapshots } from './snapshot-service.ts';

serveSnapshots((handle: TableHandle, number) => TableReader.attach(handle).snapshot(number));
