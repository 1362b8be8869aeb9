import { byteLength, goQuote } from '../../k8s/goText.ts';

/** A parsed image name. `repository` is complete (`docker.io/library/busybox`); `tag` is `latest` if nothing was named. */
export interface ImageName {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** The name as it goes to the runtime: as written, with `:latest` added if neither tag nor digest was there. */
  readonly withTag: string;
}

// The grammar of github.com/distribution/reference.
const DOMAIN_PART = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = `(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[(?:[a-fA-F0-9:]+)\\])`;
const PATH_PART = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*';
const NAME = `(?:${HOST}(?::[0-9]+)?/)?${PATH_PART}(?:/${PATH_PART})*`;
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}';
const REFERENCE = new RegExp(`^(${NAME})(?::([\\w][\\w.-]{0,127}))?(?:@(${DIGEST}))?$`);
const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
/** Nothing longer can be valid; bounds the work on hostile names. */
const MAX_LENGTH = 1024;

/** Parses an image name as kubelet does; `error` is the sentence for the InvalidImageName message. */
export function parseImageName(image: string): ImageName | { readonly error: string } {
  const problem = (text: string) => ({ error: `couldn't parse image name ${goQuote(image)}: ${text}` });
  if (/^[a-f0-9]{64}$/.test(image)) {
    return problem(`invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`);
  }
  if (image.length > MAX_LENGTH) return { error: `couldn't parse image name of ${image.length} characters: too long` };
  const [domain, rest] = splitDomain(image);
  const remote = rest.split(':', 1)[0]!;
  if (remote.toLowerCase() !== remote) {
    return problem(`invalid reference format: repository name (${remote}) must be lowercase`);
  }
  const match = REFERENCE.exec(`${domain}/${rest}`);
  if (!match) return problem(formatProblem(`${domain}/${rest}`));
  const [, repository, tag, digest] = match as unknown as [string, string, string | undefined, string | undefined];
  if (byteLength(repository.slice(repository.indexOf('/') + 1)) > 255) {
    return problem('repository name must not be more than 255 characters');
  }
  const digestError = digest && digestProblem(digest);
  if (digestError) return problem(digestError);
  if (tag === undefined && digest === undefined) return { repository, tag: 'latest', withTag: `${image}:latest` };
  return { repository, ...(tag && { tag }), ...(digest && { digest }), withTag: image };
}

function formatProblem(name: string): string {
  return REFERENCE.test(name.toLowerCase()) ? 'repository name must be lowercase' : 'invalid reference format';
}

function digestProblem(digest: string): string | undefined {
  const [algorithm, hex] = digest.split(':') as [string, string];
  if (!Object.hasOwn(HEX_LENGTH, algorithm)) return 'unsupported digest algorithm';
  if (hex.length !== HEX_LENGTH[algorithm]) return 'invalid checksum digest length';
  return /^[a-f0-9]+$/.test(hex) ? undefined : 'invalid checksum digest format';
}

/** The registry and the rest; names without a registry belong to Docker Hub, single words to its `library`. */
function splitDomain(name: string): [domain: string, rest: string] {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
  let [domain, rest] = isDomain ? [first, name.slice(slash + 1)] : ['docker.io', name];
  if (domain === 'index.docker.io') domain = 'docker.io';
  if (domain === 'docker.io' && !rest.includes('/')) rest = `library/${rest}`;
  return [domain, rest];
}
