import type { IncomingMessage } from 'node:http';
import { StrobeError } from '../util/errors.ts';
import type { BytePool } from './byte-pool.ts';
import type { Client } from './client-table.ts';
import { HeldRequest } from './held-request.ts';

type BodyErrorCode = 'BODY_TOO_LARGE' | 'NO_ROOM_FOR_BODY' | 'BODY_BROKEN_OFF';

function bodyError(code: BodyErrorCode, message: string): StrobeError<BodyErrorCode> {
  return new StrobeError(code, message);
}

/** A body that was received whole, and the room that it holds until it is answered. */
export interface RequestBody {
  readonly bytes: Buffer;
  release(): void;
}

/**
 * Receives the body of a request. What has come so far counts against what all clients may hold, so that many slow ones
 * are no way around the bound on each.
 * @throws StrobeError BODY_TOO_LARGE, NO_ROOM_FOR_BODY, BODY_BROKEN_OFF
 */
export function receiveBody(
  request: IncomingMessage,
  { maxBodyBytes }: { readonly maxBodyBytes: number },
  { pool, client }: { readonly pool: BytePool; readonly client: Client },
): Promise<RequestBody> {
  const chunks: Buffer[] = [];
  let length = 0;
  const held = new HeldRequest(pool, client.requests);
  return new Promise((resolve, reject) => {
    const stopListening = (): void => {
      request.off('data', onData).off('end', onEnd).off('close', onBrokenOff).off('error', onBrokenOff);
    };
    const refuse = (error: StrobeError): void => {
      stopListening();
      // What still comes is thrown away by the HTTP server, which closes the connection after its answer.
      request.on('error', () => {});
      held.release();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      if (length + chunk.length > maxBodyBytes) refuse(tooLarge(maxBodyBytes));
      else if (!held.add(chunk.length)) refuse(bodyError('NO_ROOM_FOR_BODY', 'too many requests are under way'));
      else {
        length += chunk.length;
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => {
      stopListening();
      resolve({
        bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length),
        release: () => held.release(),
      });
    };
    const onBrokenOff = (): void => refuse(bodyError('BODY_BROKEN_OFF', 'the request ended before its body did'));
    if (Number(request.headers['content-length']) > maxBodyBytes) refuse(tooLarge(maxBodyBytes));
    else request.on('data', onData).on('end', onEnd).on('close', onBrokenOff).on('error', onBrokenOff);
  });
}

function tooLarge(maxBodyBytes: number): StrobeError<BodyErrorCode> {
  return bodyError('BODY_TOO_LARGE', `request body too large: at most ${maxBodyBytes} bytes`);
}
