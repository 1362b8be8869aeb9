import { containerIdOfLogLink, findLeftovers, podUidOfLogDirectory } from './leftovers.ts';

describe('leftovers', () => {
  const container = (
    id: string,
    sandbox: string,
    uid: string,
    state: 'CONTAINER_EXITED' | 'CONTAINER_RUNNING' | 'CONTAINER_CREATED',
  ) => ({
    id,
    podSandboxId: sandbox,
    metadata: null,
    image: null,
    imageRef: '',
    state,
    createdAt: '0',
    labels: { 'io.kubernetes.pod.uid': uid },
    annotations: {},
    imageId: '',
  });
  const sandbox = (id: string, uid: string, state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY') => ({
    id,
    metadata: { name: '', uid, namespace: '', attempt: 0 },
    state,
    createdAt: '0',
    labels: {},
    annotations: {},
    runtimeHandler: '',
  });

  test('only dead things of Pods that are gone, and no sandbox under a living container', () => {
    const containers = [
      container('dead', 's1', 'gone', 'CONTAINER_EXITED'),
      container('alive', 's2', 'gone', 'CONTAINER_RUNNING'),
      container('created', 's3', 'gone', 'CONTAINER_CREATED'),
      container('kept', 's4', 'here', 'CONTAINER_EXITED'),
    ];
    const sandboxes = [
      sandbox('s1', 'gone', 'SANDBOX_NOTREADY'),
      sandbox('s2', 'gone', 'SANDBOX_NOTREADY'),
      sandbox('s3', 'gone', 'SANDBOX_NOTREADY'),
      sandbox('s4', 'here', 'SANDBOX_NOTREADY'),
      sandbox('s5', 'gone', 'SANDBOX_READY'),
      sandbox('s6', '', 'SANDBOX_NOTREADY'),
    ];
    expect(findLeftovers(containers, sandboxes, (uid) => uid !== 'here')).toEqual({
      containers: ['dead'],
      sandboxes: ['s1'],
    });
  });

  test('names of log directories and links', () => {
    expect(podUidOfLogDirectory('ns_name_uid-1')).toBe('uid-1');
    expect(['lost+found', 'a_b', 'a__c', 'a_b_c_d'].map(podUidOfLogDirectory)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(containerIdOfLogLink('pod_ns_c-0123456789ab.log')).toBe('0123456789ab');
    expect(containerIdOfLogLink('pod_ns_c-0123.txt')).toBeUndefined();
  });
});
