import type {
  AdmissionFact,
  CpuFact,
  MirrorFact,
  PodClaims,
  PodDevices,
  ProbeState,
  PullState,
} from '../../pods/facts.ts';
import type { FactUpdate, PodReferences } from '../../pods/updates.ts';
import type { PodStatus } from '../../types/k8s.ts';
import type { PodFacts } from './facts.ts';

/** News of a Pod's resources: what comes of it depends on what the Pod asks for (podworker/resourceFacts.ts). */
export type ResourceUpdate = Extract<FactUpdate, { readonly kind: 'resize' | 'actuated' }>;
/** All other news: each counts until the next of its kind. */
export type PlainUpdate = Exclude<FactUpdate, ResourceUpdate>;

/** What was told of one Pod from outside its worker, as it was told last. Replaced as a whole, never modified. */
export interface News {
  readonly probes: Readonly<Record<string, ProbeState>>;
  readonly admission: AdmissionFact;
  readonly devices: PodDevices;
  readonly cpus: CpuFact | undefined;
  readonly accepted: PodStatus | undefined;
  readonly statusProblem: string | undefined;
  readonly mirror: MirrorFact | undefined;
  readonly pulls: Readonly<Record<string, PullState>>;
  readonly volumeWaits: Readonly<Record<string, string>>;
  readonly claims: PodClaims;
  readonly claimWait: string | undefined;
  readonly claimDriverAt: number | undefined;
  readonly references: PodReferences;
  readonly surplus: readonly string[];
  readonly sourcesReady: boolean;
  readonly nameTakenBy: string | undefined;
  readonly returning: { readonly restartPolicy: string | undefined } | undefined;
}

/** Of a Pod of which nothing was told yet. */
export const NO_NEWS: News = {
  probes: {},
  admission: { state: 'unasked' },
  devices: {},
  cpus: undefined,
  accepted: undefined,
  statusProblem: undefined,
  mirror: undefined,
  pulls: {},
  volumeWaits: {},
  claims: {},
  claimWait: undefined,
  claimDriverAt: undefined,
  references: { objects: {}, env: {}, volumes: {}, pulls: [] },
  surplus: [],
  sourcesReady: false,
  nameTakenBy: undefined,
  returning: undefined,
};

/** What each kind of news replaces; a kind that has no row does not compile. */
const replaced: {
  readonly [K in PlainUpdate['kind']]: (update: Extract<PlainUpdate, { kind: K }>, news: News) => Partial<News>;
} = {
  probes: ({ states }) => ({ probes: states }),
  admission: ({ fact }) => ({ admission: fact }),
  devices: ({ devices }) => ({ devices }),
  cpus: ({ cpus }) => ({ cpus }),
  accepted: ({ status, written }) => ({ accepted: status, ...(written && { statusProblem: undefined }) }),
  statusProblem: ({ message }) => ({ statusProblem: message }),
  mirror: ({ mirror }) => ({ mirror }),
  pull: ({ container, state }, { pulls }) => ({ pulls: withEntry(pulls, container, state) }),
  volumeWait: ({ volume, message }, { volumeWaits }) => ({ volumeWaits: withEntry(volumeWaits, volume, message) }),
  claims: ({ claims }) => ({ claims }),
  claimWait: ({ message }) => ({ claimWait: message }),
  claimDriver: ({ at }) => ({ claimDriverAt: at }),
  references: ({ references }) => ({ references }),
  object: ({ key, state }, { references }) => ({
    references: { ...references, objects: { ...references.objects, [key]: state } },
  }),
  surplus: ({ containers }) => ({ surplus: containers }),
  sourcesReady: () => ({ sourcesReady: true }),
  nameTaken: ({ by }) => ({ nameTakenBy: by }),
  returning: ({ under }) => ({ returning: under }),
};

/** What is known after the update. */
export function withNews<K extends PlainUpdate['kind']>(news: News, update: Extract<PlainUpdate, { kind: K }>): News {
  return { ...news, ...replaced[update.kind as K](update, news) };
}

/** What decisions see of it. */
export function newsFacts(news: News): Pick<PodFacts, NewsFact> {
  const { references, returning } = news;
  return {
    sourcesReady: news.sourcesReady,
    returning: returning !== undefined,
    admission: news.admission,
    pulls: news.pulls,
    objects: references.objects,
    envObjects: references.env,
    volumeObjects: references.volumes,
    probes: news.probes,
    ...optional({
      surplus: filled(news.surplus),
      volumeWaits: filled(news.volumeWaits),
      claims: filled(news.claims),
      claimWait: news.claimWait,
      claimDriverAt: news.claimDriverAt,
      devices: filled(news.devices),
      returnsUnder: returning?.restartPolicy,
      pullObjects: filled(references.pulls),
      nameTakenBy: news.nameTakenBy,
      cpus: news.cpus,
      accepted: news.accepted,
      statusProblem: news.statusProblem,
      mirror: news.mirror,
    }),
  };
}

type NewsFact =
  | 'sourcesReady'
  | 'returning'
  | 'admission'
  | 'pulls'
  | 'objects'
  | 'envObjects'
  | 'volumeObjects'
  | 'probes'
  | 'surplus'
  | 'volumeWaits'
  | 'claims'
  | 'claimWait'
  | 'claimDriverAt'
  | 'devices'
  | 'returnsUnder'
  | 'pullObjects'
  | 'nameTakenBy'
  | 'cpus'
  | 'accepted'
  | 'statusProblem'
  | 'mirror';

/** Without what is undefined: a snapshot has no such entries. */
export function optional<T extends object>(facts: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** undefined where nothing is in it. */
function filled<T extends object>(facts: T): T | undefined {
  return Object.keys(facts).length === 0 ? undefined : facts;
}

function withEntry<T>(table: Readonly<Record<string, T>>, name: string, value: T | undefined) {
  const { [name]: _, ...rest } = table;
  return value === undefined ? rest : { ...rest, [name]: value };
}
