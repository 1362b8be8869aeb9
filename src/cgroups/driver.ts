import type { Clock } from '../lib/clock.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import type { SystemdManager } from '../lib/linux/systemd/manager.ts';
import { type CgroupHost, delegateControllers, ensureCgroup, writeConfig } from './applyConfig.ts';
import { destroyCgroup, killBelow } from './destroy.ts';
import { type CgroupName, cgroupParent, cgroupPath } from './rules/names.ts';
import type { ResourceConfig } from './rules/resourceConfig.ts';
import { limitProperties, roundedQuota, sliceProperties } from './rules/systemdProperties.ts';

/** How cgroups come into being, change and go. Every method may be called again. */
export interface Driver {
  /** Makes the cgroup unless it exists, with these limits. */
  ensure(name: CgroupName, config: ResourceConfig): Promise<void>;
  /** Sets limits of a cgroup that exists. */
  apply(name: CgroupName, config: ResourceConfig): Promise<void>;
  /** Kills what is in it and removes it; fine if there is none. */
  destroy(name: CgroupName, signal: AbortSignal): Promise<void>;
}

/** What the methods of systemd's manager that a driver needs look like. */
export type Slices = Pick<SystemdManager, 'version' | 'startTransientUnit' | 'setUnitProperties' | 'stopUnit'>;

/** Directories made and removed by the kubelet itself. */
export function cgroupfsDriver(host: CgroupHost, clock: Clock): Driver {
  return {
    ensure: (name, config) => ensureCgroup(host, cgroupPath(name, 'cgroupfs'), config),
    apply: (name, config) => writeConfig(host, cgroupPath(name, 'cgroupfs'), config),
    destroy: (name, signal) => destroyCgroup(host, cgroupPath(name, 'cgroupfs'), clock, signal),
  };
}

/**
 * Slices made and removed by systemd, which owns the tree: a directory made behind its back goes at the next daemon-reload. All
 * values are written to the control files after it, as libcontainer does: some of them it does not know.
 */
export function systemdDriver(host: CgroupHost, clock: Clock, systemd: Slices): Driver {
  const { version } = host.hierarchies;
  const pathOf = (name: CgroupName) => cgroupPath(name, 'systemd');
  const unitOf = (name: CgroupName) => cgroupParent(name, 'systemd');
  return {
    ensure: async (name, exact) => {
      const unit = unitOf(name);
      const config = roundedQuota(exact);
      const limits = limitProperties(config, version, await systemd.version());
      const isNew = await systemd.startTransientUnit(unit, { ...sliceProperties(unit, version), ...limits });
      if (!isNew) await systemd.setUnitProperties(unit, limits);
      try {
        await ensureCgroup(host, pathOf(name), config);
      } catch (error) {
        // systemd takes controllers away that it does not need itself: hugetlb for instance, at a reload.
        if (errnoCode(error) !== 'ENOENT' || version === 1) throw error;
        await delegateControllers(host, pathOf(name.slice(0, -1)));
        await ensureCgroup(host, pathOf(name), config);
      }
    },
    apply: async (name, exact) => {
      const config = roundedQuota(exact);
      const limits = limitProperties(config, version, await systemd.version());
      await systemd.setUnitProperties(unitOf(name), limits);
      await writeConfig(host, pathOf(name), config);
    },
    destroy: async (name, signal) => {
      // First, or systemd would ask leftover scopes to end and wait for them.
      await killBelow(host, pathOf(name));
      await systemd.stopUnit(unitOf(name));
      await destroyCgroup(host, pathOf(name), clock, signal);
    },
  };
}
