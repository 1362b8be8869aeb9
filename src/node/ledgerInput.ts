import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import { sysctlAllowlist } from '../ledger/rules/sysctls.ts';
import type { LedgerInput } from './ledgerView.ts';

/** What the ledger must know of machine and configuration; read once at the start. `goneDevices`: resources whose device plug-in is gone. */
export function readLedgerInput(
  config: Pick<KubeletConfiguration, 'allowedUnsafeSysctls'>,
  nodeName: string,
  goneDevices: readonly string[],
): Omit<LedgerInput, 'shuttingDown'> {
  return {
    nodeName,
    sysctls: sysctlAllowlist(release(), config.allowedUnsafeSysctls ?? []),
    ...appArmorProblem(),
    pressures: [],
    goneDevices,
  };
}

function appArmorProblem(): { appArmorError?: string } {
  try {
    return readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y')
      ? {}
      : { appArmorError: 'AppArmor is not enabled on the host' };
  } catch {
    return { appArmorError: 'AppArmor is not enabled on the host' };
  }
}
