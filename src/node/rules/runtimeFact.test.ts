import { NO_ANSWER_YET, runtimeFact, withAnswer, withFailure } from './runtimeFact.ts';
import { declaredFeatures, nodeImages, nodeRuntimeHandlers } from './runtimeFields.ts';

describe('the runtime', () => {
  const answer = (network: boolean, runtime = true) => ({
    status: {
      conditions: [
        { type: 'RuntimeReady', status: runtime, reason: runtime ? '' : 'Broken', message: runtime ? '' : 'it is' },
        {
          type: 'NetworkReady',
          status: network,
          reason: 'NetworkPluginNotReady',
          message: 'cni plugin not initialized',
        },
      ],
    },
    info: {},
    runtimeHandlers: [
      { name: 'runc', features: { recursiveReadOnlyMounts: true, userNamespaces: false } },
      { name: '', features: null },
    ],
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false },
  });

  test.each([
    [
      'before the first answer',
      NO_ANSWER_YET,
      0,
      ['container runtime status check may not have completed yet'],
      ['network state unknown'],
    ],
    [
      'never reached',
      withFailure(NO_ANSWER_YET, 'connect ENOENT'),
      0,
      ['container runtime status check may not have completed yet: connect ENOENT'],
      ['network state unknown'],
    ],
    ['well', withAnswer(NO_ANSWER_YET, answer(true), 0), 29_999, [], []],
    [
      'silent for 30 s',
      withFailure(withAnswer(NO_ANSWER_YET, answer(true), 0), 'timeout'),
      30_000,
      ['container runtime is down: timeout'],
      [],
    ],
    ['silent for less', withFailure(withAnswer(NO_ANSWER_YET, answer(true), 0), 'timeout'), 29_999, [], []],
    [
      'without a network',
      withAnswer(NO_ANSWER_YET, answer(false), 0),
      0,
      [],
      [
        'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized',
      ],
    ],
    [
      'not ready itself',
      withAnswer(withAnswer(NO_ANSWER_YET, answer(true), 0), answer(true, false), 1),
      1,
      ['container runtime not ready: RuntimeReady=false reason:Broken message:it is'],
      [],
    ],
    [
      'without conditions',
      withAnswer(NO_ANSWER_YET, { ...answer(true), status: null }, 0),
      0,
      ['container runtime status check may not have completed yet', 'container runtime not ready: <nil>'],
      ['container runtime network not ready: <nil>'],
    ],
  ])('%s', (_name, memory, now, errors, networkErrors) => {
    expect(runtimeFact(memory, now)).toMatchObject({
      errors,
      networkErrors,
      runtimeReady: errors.length === 0,
      networkReady: networkErrors.length === 0,
    });
  });

  test('handlers, features and images', () => {
    const fact = runtimeFact(withAnswer(NO_ANSWER_YET, answer(true), 0), 0);
    expect(nodeRuntimeHandlers(fact)).toEqual([
      { features: { recursiveReadOnlyMounts: false, userNamespaces: false } },
      { name: 'runc', features: { recursiveReadOnlyMounts: true, userNamespaces: false } },
    ]);
    // What is on and not built is not declared: a scheduler or an API server would rely on it.
    const unbuilt = ['ExtendWebSocketsToKubelet'];
    const built = [
      'InPlacePodLevelResourcesVerticalScaling',
      'InPlacePodVerticalScalingInitContainers',
      'RestartAllContainersOnContainerExits',
    ];
    expect(declaredFeatures([...unbuilt, ...built.toReversed(), 'EnvFiles'], fact)).toEqual(built);
    expect(declaredFeatures(unbuilt, fact)).toEqual([]);
    // This one is the runtime's as well.
    const gate = ['UserNamespacesHostNetworkSupport'];
    const features = { supplementalGroupsPolicy: true, userNamespacesHostNetwork: true };
    expect(declaredFeatures(gate, fact)).toEqual([]);
    expect(declaredFeatures(gate, { ...fact, features })).toEqual(gate);
    const images = Array.from({ length: 60 }, (_, i) => ({
      repoDigests: ['d'],
      repoTags: ['1', '2', '3', '4', '5'],
      sizeBytes: i,
    }));
    expect(nodeImages(images, 50)).toHaveLength(50);
    expect(nodeImages(images, -1)).toHaveLength(60);
    expect(nodeImages(images, 50)[0]).toEqual({ names: ['d', '1', '2', '3', '4'], sizeBytes: 59 });
  });
});
