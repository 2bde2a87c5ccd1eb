import type { Stream } from '@libp2p/interface';
import { ANSWER, encodeAnswer, encodeHead, peerProtocols } from '../../src/network/peer-protocols.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import type { Forgeries } from './forgeries.ts';
import { framed, type RawHandlers } from './raw-libp2p.ts';

/** A head that no chain of a test comes near. */
const FAR_HEAD = { epoch: 1, number: 1_000_000, digest: new Uint8Array(32).fill(9) };
const NOISE = new Uint8Array(300).map((_, i) => (i * 37) & 0xff);

type Note = (what: string) => void;

/** Announces a head and never sends what leads there: streams stay open in silence. */
export function withheldAnswers(prefix: string, note: Note): RawHandlers {
  const { head, range, witness } = peerProtocols(prefix);
  return {
    [head]: (stream) => {
      stream.send(framed(encodeHead(FAR_HEAD)));
      void stream.close();
      note('head');
    },
    [range]: () => note('range withheld'),
    [witness]: () => note('witness withheld'),
  };
}

/** Answers everything, each time wrong in another way. */
export function garbageAnswers(prefix: string, forgeries: Forgeries, note: Note): RawHandlers {
  const { head, range, witness } = peerProtocols(prefix);
  const data = framed(encodeAnswer(ANSWER.data));
  const answers = [
    concatBytes(data, ...forgeries.records().map((record) => framed(record))),
    concatBytes(data, framed(NOISE)),
    framed(Uint8Array.of(77)),
    concatBytes(data, framed(NOISE, 0xffff_ffff)),
    concatBytes(data, framed(NOISE, 2 * NOISE.length)),
  ];
  let next = 0;
  const answer = (what: string) => (stream: Stream) => {
    stream.send(answers[next++ % answers.length] ?? data);
    void stream.close();
    note(what);
  };
  return {
    // A head is believed by nobody, so that a false one does no more than bring requests.
    [head]: (stream) => {
      stream.send(framed(encodeHead(FAR_HEAD)));
      void stream.close();
      note('head');
    },
    [range]: answer('range garbled'),
    [witness]: answer('witness garbled'),
  };
}
