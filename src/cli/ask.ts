import { readFile } from 'node:fs/promises';
import type { Command } from '../config/command.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import { type RecordedDecision, replay } from '../podworker/replay.ts';
import { askAgent } from './askAgent.ts';

type Asking = Extract<Command, { kind: 'why' | 'timeline' }>;

/** Asks a running agent on this machine for an explanation; returns what to print. Throws with the next step when it cannot. */
export async function ask(command: Asking): Promise<string> {
  const pod = command.pod
    ? `${encodeURIComponent(command.pod.namespace)}/${encodeURIComponent(command.pod.name)}/`
    : '';
  const place = command.kind === 'why' && command.node ? 'node/' : `pods/${pod}`;
  const path = `/debug/${place}${command.kind}${command.output === 'json' ? '?output=json' : ''}`;
  const { status, body } = await askAgent(command.agent, path);
  // Whoever answers: nothing in it may steer the terminal.
  const text = printable(body);
  if (status !== 200) throw new KubeletError(text.trim(), { code: 'NotFound' });
  return text;
}

type Replaying = Extract<Command, { kind: 'replay' }>;

/** Makes the decisions of a recording again. `same` is false when today's rules differ somewhere. */
export async function replayFile(command: Replaying): Promise<{ same: boolean; text: string }> {
  const records = recordsOf(command, parseTrace(await readFile(command.file, 'utf8'), command.file));
  const difference = replay(records);
  if (command.output === 'json')
    return {
      same: !difference,
      text: `${JSON.stringify({ decisions: records.length, difference: difference ?? null })}\n`,
    };
  if (!difference) return { same: true, text: `${records.length} decisions replayed, all equal.\n` };
  const { at, path, recorded, today } = difference;
  const text = `Decision ${at + 1} of ${records.length} differs at ${path || 'its root'}:\n  recorded: ${JSON.stringify(recorded)}\n  today:    ${JSON.stringify(today)}\n`;
  return { same: false, text };
}

/** The records of the Pod that --pod names; without it all. */
function recordsOf({ pod, file }: Replaying, records: readonly RecordedDecision[]): readonly RecordedDecision[] {
  if (!pod) return records;
  const own = records.filter(({ facts }) => facts.namespace === pod.namespace && facts.name === pod.name);
  if (own.length > 0) return own;
  throw new KubeletError(`${file} holds no decision about pod ${pod.namespace}/${pod.name}`, { code: 'BadTrace' });
}

/** A trace is the JSON of `/debug/pods/…/trace`, or the lines of --ts-record-dir. */
function parseTrace(text: string, file: string): RecordedDecision[] {
  try {
    if (text.startsWith('{"uid"')) return (JSON.parse(text) as { records: RecordedDecision[] }).records;
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RecordedDecision);
  } catch (error) {
    throw new KubeletError(`${file} is neither a trace nor a recording of kubelet-ts: ${errorMessage(error)}`, {
      code: 'BadTrace',
      cause: error,
    });
  }
}
