import { request } from 'node:http';
import type { AgentPlace } from '../config/command.ts';
import { hostAndPort } from '../config/debugPlaces.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import { socketPathProblem } from '../lib/linux/unixAddress.ts';

/** Longer than the agent takes to give an answer up. */
const TIMEOUT_MS = 90_000;
/** An answer for every Pod of a full node is a few MiB. */
const MAX_BYTES = 64 << 20;

/** GETs `path` of a running agent. Throws with a sentence that says what to look at when nobody answers. */
export async function askAgent(place: AgentPlace, path: string): Promise<{ status: number; body: string }> {
  if ('socket' in place) {
    const problem = socketPathProblem(place.socket);
    if (problem !== undefined)
      throw new KubeletError(`the socket's path ${place.socket} ${problem}`, { code: 'NoAgent' });
  }
  try {
    return await get(place, path);
  } catch (error) {
    if (error instanceof KubeletError) throw error;
    throw new KubeletError(noAnswer(place, error), { code: 'NoAgent', cause: error });
  }
}

async function get(place: AgentPlace, path: string): Promise<{ status: number; body: string }> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answered = Promise.withResolvers<{ status: number; body: string }>();
  const to = 'socket' in place ? { socketPath: place.socket } : hostAndPort(place.address);
  const asked = request({ ...to, path, agent: false, signal }, async (response) => {
    try {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of response) {
        bytes += (chunk as Buffer).length;
        if (bytes > MAX_BYTES) throw new KubeletError('the answer is longer than 64 MiB', { code: 'TooLong' });
        chunks.push(chunk as Buffer);
      }
      answered.resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    } catch (error) {
      answered.reject(error);
    }
  });
  asked.on('error', answered.reject);
  asked.end();
  return answered.promise;
}

/** Why nobody answered, and what to look at. */
export function noAnswer(place: AgentPlace, error: unknown): string {
  const code = errnoCode(error);
  if ('address' in place)
    return `no kubelet-ts answers at ${place.address} (${errorMessage(error)}): is it running, in this network namespace, and was it started with --ts-debug-address=${place.address}?`;
  const { socket } = place;
  if (code === 'ENOENT')
    return `there is no socket ${socket}: is kubelet-ts running, in this mount namespace, and with which --root-dir or --ts-debug-socket?`;
  if (code === 'EACCES' || code === 'EPERM') return `${socket} is for root alone (${code}): run this as root`;
  if (code === 'ECONNREFUSED') return `nobody serves on ${socket} any more: is kubelet-ts running?`;
  return `kubelet-ts does not answer on ${socket}: ${errorMessage(error)}`;
}
