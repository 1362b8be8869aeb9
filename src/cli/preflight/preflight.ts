import type { Command } from '../../config/command.ts';
import { loadConfiguration } from '../../config/load.ts';
import { machineReport } from './report.ts';
import { findings, findingsText } from './rules/findings.ts';

/** Says whether this machine can be a node with these flags, and what to do where it cannot. `ok`: nothing is in the way. */
export async function preflightCheck(
  command: Extract<Command, { kind: 'preflight' }>,
): Promise<{ ok: boolean; text: string }> {
  const all = findings(await machineReport(loadConfiguration(command.flags)));
  const ok = all.every(({ level }) => level !== 'error');
  return { ok, text: command.output === 'json' ? `${JSON.stringify(all)}\n` : findingsText(all) };
}
