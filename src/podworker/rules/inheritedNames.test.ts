import { box, spec, turn, withParts } from './testing.ts';

/** What is decided about a Pod whose only container and volume have this name, without the name. */
function decided(name: string, state: 'none' | 'created' | 'running' | 'exited'): unknown {
  const parts = { [name]: { volumeMounts: [{ name, mountPath: '/v' }] } };
  const podSpec = { ...withParts(spec('Always', name), parts), volumes: [{ name, emptyDir: {} }] };
  const containers = state === 'none' ? [] : [box(name, state, { id: 'i', exitCode: 1 })];
  const decision = turn(podSpec, containers, { cpus: { shared: '0-1', own: {} } });
  return JSON.parse(JSON.stringify(decision).replaceAll(name, 'NAME'));
}

test.each(['none', 'created', 'running', 'exited'] as const)(
  'a container and a volume may be called as what every object inherits: %s',
  (state) => {
    expect(decided('constructor', state)).toEqual(decided('plain', state));
  },
);
