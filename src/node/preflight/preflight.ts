import type { LoadedConfiguration } from '../../config/load.ts';
import type { Clock } from '../../lib/clock.ts';
import { KubeletError } from '../../lib/errors.ts';
import { createMounter } from '../../lib/linux/mounter.ts';
import type { Logger } from '../../lib/logger.ts';
import { makeDirectories } from './directories.ts';
import { claimNode } from './instanceLock.ts';
import { IptablesHints } from './iptablesHints.ts';
import { ensureKernelSettings } from './kernelSettings.ts';
import { holdLockFile } from './lockContention.ts';
import { adjustOomScore, allowOpenFiles } from './processLimits.ts';
import { noteLoopbackResolver } from './resolverNote.ts';
import { shareRootDirectory } from './rootPropagation.ts';
import { refuseSwap } from './swap.ts';
import { SystemdNotify } from './systemdNotify.ts';

export interface Preflight extends AsyncDisposable {
  /** Everything runs: tells whoever started the process. */
  ready(): void;
}

/**
 * What a node agent must find or make before it touches a Pod: no second kubelet, kernel settings, directories, limits. Rejects with
 * one sentence about the first thing that is missing. `onFatal` hears that another process wants the lock file. While
 * `healthy` gives a reason against it, systemd's watchdog is not told that the process lives.
 */
export async function preflight(
  loaded: LoadedConfiguration,
  rootDir: string,
  tools: { clock: Clock; log: Logger; onFatal: (error: Error) => void; healthy: () => string | undefined },
): Promise<Preflight> {
  const { config, options } = loaded;
  const { clock, log } = tools;
  const own = new AsyncDisposableStack();
  try {
    const systemd = own.use(new SystemdNotify(process.env, { clock, log, healthy: tools.healthy }));
    if (options.exitOnLockContention && options.lockFile === '')
      throw new KubeletError('--exit-on-lock-contention needs --lock-file', { code: 'LockFile' });
    if (options.lockFile !== '') {
      const { exitOnLockContention, lockFile } = options;
      own.use(await holdLockFile(lockFile, exitOnLockContention, { clock, log, onContention: tools.onFatal }));
    }
    await refuseSwap(config.failSwapOn);
    own.use(await claimNode(rootDir, config.containerRuntimeEndpoint, log));
    await makeDirectories(rootDir, config.podLogsDir);
    await shareRootDirectory(rootDir, createMounter(), log);
    await ensureKernelSettings(config.protectKernelDefaults, log);
    await adjustOomScore(config.oomScoreAdj, log);
    await allowOpenFiles(config.maxOpenFiles, log);
    await noteLoopbackResolver(config.resolvConf, log);
    // In the background: a held xtables lock must not hold up the start.
    if (config.makeIPTablesUtilChains) void own.use(new IptablesHints(clock, log)).start();
    return { ready: () => systemd.ready(), [Symbol.asyncDispose]: () => own.disposeAsync() };
  } catch (error) {
    await own.disposeAsync();
    throw error;
  }
}
