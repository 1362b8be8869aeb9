import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * File names are bytes, and a Pod may choose any. Whoever lists a directory that a Pod can write to does it with
 * lib/linux/directoryEntries.ts, which gives Buffers and bounds memory. These files may call Node's own functions.
 */
const allowed: Readonly<Record<string, string>> = {
  'agent/metrics/processMetrics.ts': 'only counts the descriptors of this process',
  'api/manifests/fileSource.ts': 'the directory of manifests is the administrator’s',
  'cgroups/hierarchies.ts': 'sizes of huge pages, from sysfs',
  'config/configFiles.ts': 'the drop-in directory is the administrator’s',
  'devices/registrationServer.ts': 'plug-ins’ sockets; one whose name is no text is left alone',
  'lib/linux/directoryEntries.ts': 'the one place; names are Buffers',
  'lib/linux/openInRoot.ts': 'targets of links are read as Latin-1, one character a byte',
  'lib/linux/safePath.ts': 'real paths are Buffers',
  'node/attachedVolumes.ts': 'the path of the root directory, which is the administrator’s',
  'node/preflight/instanceLock.ts': 'the runtime’s socket is the administrator’s',
  'node/logGc.ts': 'asks only whether something is a link',
  'node/machineFacts.ts': 'sysfs',
  'node/readTopology.ts': 'CPUs and NUMA nodes, from sysfs',
  'node/runtimeDefaults.ts': 'processors, from sysfs',
  'node/rotatedFiles.ts': 'the runtime and this program name the files of a container’s log; others are not looked at',
  'plugins/socketTree.ts': 'plug-ins’ sockets; a name that is no text is told as a problem and left alone',
  'podworker/actions/preparePod.ts':
    'the runtime and this program name the files of a log directory; others are not looked at',
  'podworker/checkpointStore.ts': 'only this program writes there, and UIDs are encoded',
  'server/logs/logSuccessors.ts':
    'the runtime and this program name the files of a container’s log; others are not looked at',
  'server/logs/ownLog.ts': 'the directory of Pods’ logs, from the configuration',
  'server/logs/sendLog.ts': 'the runtime names the log',
  'server/logs/systemFile.ts': 'the path comes from a URL that is text; what does not come back the same is not found',
  'stats/cadvisor/cgroupReader.ts': 'figures of a cgroup that cannot be named are not asked for',
  'stats/cadvisor/processFigures.ts': 'numbers below /proc; of a link only how it begins',
  'volumes/atomicWriter.ts': 'containers see these volumes read-only: all names are of this program',
  'volumes/manager.ts': 'only this program writes to the levels above volumes',
  'volumes/persistent/blockDevice.ts': 'the path of a device, which the administrator or a driver names',
  'volumes/scsi/devices.ts': 'disks, from sysfs and udev',
  'volumes/subPath.ts': 'real paths are Buffers',
};

const calls = /\b(?:readdir|opendir|readlink|realpath)(?:Sync)?\b/;

function sources(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return ['fake', 'testing'].includes(entry.name) ? [] : sources(path);
    return path.endsWith('.ts') && !/\.test\.ts$|(?:testNode|[Ff]ixtures?)\.ts$/.test(path) ? [path] : [];
  });
}

const root = import.meta.dirname;
const found = sources(root).filter((path) =>
  calls.test(readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')),
);

test('directories that Pods can write to are listed as bytes, in one place', () => {
  expect(found.map((path) => relative(root, path)).sort()).toEqual(Object.keys(allowed).sort());
});

test.each(['volumes/subPath.ts', 'lib/linux/safePath.ts'])('%s asks for real paths as bytes', (name) => {
  const text = readFileSync(join(root, name), 'utf8');
  const asked = [...text.matchAll(/\brealpath\((?:[^()]|\([^()]*\))*\)/g)].map(([call]) => call);
  expect(asked.length).toBeGreaterThan(0);
  for (const call of asked) expect(call).toMatch(/encoding: 'buffer'|AS_BYTES/);
});
