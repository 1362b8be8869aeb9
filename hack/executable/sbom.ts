import { dependencyPlaces, type LockFile, nameAt, runtimePlaces } from './lockFile.ts';

/** Something in the delivery that npm knows nothing of: Node, a shared library. */
export interface ExtraComponent {
  readonly name: string;
  readonly version: string;
  /** Package URL. */
  readonly purl: string;
  /** SPDX expression; absent where the component's own notices tell. */
  readonly license?: string;
  /** Of the file that is shipped, in hex. */
  readonly sha256?: string;
  /** What it is made of, by name. */
  readonly parts?: Readonly<Record<string, string>>;
}

interface Component {
  readonly type: 'library' | 'application';
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly object[];
  readonly purl: string;
  readonly hashes?: readonly { alg: 'SHA-256' | 'SHA-512'; content: string }[];
  readonly components?: readonly Component[];
}

/** A bill of materials: CycloneDX 1.6. */
export interface Sbom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { ref: string; dependsOn: readonly string[] }[];
}

/**
 * What the executable is made of: every run-time package of the lock file for this processor, and the extra ones. It has neither
 * time stamp nor serial number, so the same sources give the same bytes.
 */
export function makeSbom(lock: LockFile, cpu: string, extra: readonly ExtraComponent[]): Sbom {
  const places = runtimePlaces(lock, cpu);
  const program = component(
    'application',
    'kubelet-ts',
    lock.packages['']!.version,
    `pkg:generic/kubelet-ts@${lock.packages['']!.version}`,
    {
      license: lock.packages['']!.license,
    },
  );
  const refs = new Map([['', program['bom-ref']], ...places.map((place) => [place, purlAt(lock, place)] as const)]);
  const dependencies = ['', ...places].map((place) => ({
    ref: refs.get(place)!,
    dependsOn: [
      ...new Set(dependencyPlaces(lock, place).flatMap((to) => refs.get(to) ?? [])),
      ...(place === '' ? extra.map(({ purl }) => purl) : []),
    ].sort(),
  }));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: program },
    components: [...places.map((place) => npmComponent(lock, place)), ...extra.map(extraComponent)],
    dependencies: [...dependencies, ...extra.map(({ purl }) => ({ ref: purl, dependsOn: [] }))],
  };
}

function purlAt({ packages }: LockFile, place: string): string {
  return `pkg:npm/${nameAt(place).replace('@', '%40')}@${packages[place]!.version}`;
}

function npmComponent(lock: LockFile, place: string): Component {
  const { version, license, integrity } = lock.packages[place]!;
  const sha512 = integrity?.split(' ').find((one) => one.startsWith('sha512-'));
  return component('library', nameAt(place), version, purlAt(lock, place), {
    license,
    hash: sha512 && { alg: 'SHA-512', content: Buffer.from(sha512.slice(7), 'base64').toString('hex') },
  });
}

function extraComponent({ name, version, purl, license, sha256, parts }: ExtraComponent): Component {
  const inner = Object.entries(parts ?? {}).map(([part, its]) =>
    component('library', part, its, `pkg:generic/${part}@${encodeURIComponent(its)}`, {}),
  );
  return {
    ...component('library', name, version, purl, { license, hash: sha256 && { alg: 'SHA-256', content: sha256 } }),
    ...(inner.length > 0 && { components: inner }),
  };
}

function component(
  type: Component['type'],
  fullName: string,
  version: string,
  purl: string,
  { license, hash }: { license?: string; hash?: { alg: 'SHA-256' | 'SHA-512'; content: string } | '' },
): Component {
  const [group, name] = fullName.includes('/') ? fullName.split('/') : [undefined, fullName];
  return {
    type,
    'bom-ref': purl,
    ...(group && { group }),
    name: name!,
    version,
    ...(license && { licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }] }),
    purl,
    ...(hash && { hashes: [hash] }),
  };
}
