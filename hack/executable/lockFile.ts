/** One package of package-lock.json. */
export interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** package-lock.json, version 3: packages by where they lie (`node_modules/a/node_modules/b`); the project itself is ''. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const MODULES = 'node_modules/';

/** The name of the package that lies at `place`. */
export function nameAt(place: string): string {
  return place.slice(place.lastIndexOf(MODULES) + MODULES.length);
}

/** Where the packages lie that are installed for running the program on Linux with this processor (Node's name), sorted. */
export function runtimePlaces({ packages }: LockFile, cpu: string): string[] {
  return Object.entries(packages)
    .filter(([place, { dev, os, cpu: cpus }]) => {
      return place !== '' && !dev && (os?.includes('linux') ?? true) && (cpus?.includes(cpu) ?? true);
    })
    .map(([place]) => place)
    .sort();
}

/** Where the packages lie that the one at `place` asks for, as Node finds them: the nearest node_modules upwards has it. */
export function dependencyPlaces({ packages }: LockFile, place: string): string[] {
  const { dependencies, optionalDependencies, peerDependencies } = packages[place]!;
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  return names.flatMap((name) => {
    for (let from = place; ; from = from.slice(0, Math.max(0, from.lastIndexOf(`/${MODULES}`)))) {
      const candidate = `${from === '' ? '' : `${from}/`}${MODULES}${name}`;
      if (packages[candidate]) return [candidate];
      if (from === '') return []; // optional, and for none of the platforms in the lock file
    }
  });
}
