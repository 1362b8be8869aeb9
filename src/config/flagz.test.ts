import { parseFlags } from './flags.ts';
import { toFlagz } from './flagz.ts';
import { loadConfiguration } from './load.ts';

test('flags with the values in force, in their own syntax; secrets are masked', () => {
  const args = [
    '--kubeconfig=/k',
    '--node-labels=a=b,c=d',
    '--eviction-hard=memory.available<1Gi',
    '--sync-frequency=90s',
  ];
  const { config, options } = loadConfiguration(parseFlags([...args, '--storage-driver-password=topsecret']));
  const flags = toFlagz(config, options);
  expect(flags).toMatchObject({
    kubeconfig: '/k',
    'node-labels': 'a=b,c=d',
    'sync-frequency': '1m30s',
    port: '10250',
    'enforce-node-allocatable': '[pods]',
    'storage-driver-password': 'CLASSIFIED',
    'manifest-url-header': 'CLASSIFIED',
  });
  expect(flags['eviction-hard']).toContain('memory.available<1Gi');
  expect(JSON.stringify(flags)).not.toContain('topsecret');
  expect(Object.keys(flags)).toEqual(Object.keys(flags).toSorted());
});
