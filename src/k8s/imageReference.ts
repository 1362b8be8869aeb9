// Image names as a Pod writes them, after the grammar of github.com/distribution/reference: nothing is added, nothing is completed.

const DOMAIN_PART = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = `(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[(?:[a-fA-F0-9:]+)\\])`;
const PATH_PART = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*';
const NAME = `(?:${HOST}(?::[0-9]+)?/)?${PATH_PART}(?:/${PATH_PART})*`;
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}';
/** Name, tag, digest. */
export const REFERENCE = new RegExp(`^(${NAME})(?::([\\w][\\w.-]{0,127}))?(?:@(${DIGEST}))?$`);
const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
/** Nothing longer can be valid; bounds the work on hostile names. */
const MAX_LENGTH = 1024;

/** What is wrong with `algorithm:hex`; undefined when nothing is. */
export function digestProblem(digest: string): string | undefined {
  const [algorithm, hex] = digest.split(':') as [string, string];
  if (!Object.hasOwn(HEX_LENGTH, algorithm)) return 'unsupported digest algorithm';
  if (hex.length !== HEX_LENGTH[algorithm]) return 'invalid checksum digest length';
  return /^[a-f0-9]+$/.test(hex) ? undefined : 'invalid checksum digest format';
}

/** Why a text that REFERENCE does not fit is no image name. */
export function formatProblem(name: string): string {
  if (name === '') return 'repository name must have at least one component';
  return REFERENCE.test(name.toLowerCase()) ? 'repository name must be lowercase' : 'invalid reference format';
}

/** The name without tag and digest, as kubelet's records of pulled images and its allow-list have it; `error` is a sentence's end. */
export function untagged(image: string): { readonly name: string } | { readonly error: string } {
  if (image.length > MAX_LENGTH) return { error: 'repository name must not be more than 255 characters' };
  const match = REFERENCE.exec(image);
  if (!match) return { error: formatProblem(image) };
  const [, name = '', , digest] = match;
  if (name.slice(name.indexOf('/') + 1).length > 255)
    return { error: 'repository name must not be more than 255 characters' };
  const problem = digest && digestProblem(digest);
  return problem ? { error: problem } : { name };
}

/** A pattern of preloadedImagesVerificationAllowlist: one image, or everything that begins so. */
export type AllowedImages = { readonly name: string } | { readonly prefix: string };

/** Reads a pattern: an image's name without tag and digest, or a path that ends in `/*`. `error` is kubelet's sentence. */
export function allowedImages(pattern: string): AllowedImages | { readonly error: string } {
  if (pattern !== pattern.trim()) return { error: `leading/trailing spaces are not allowed: ${pattern}` };
  const isPrefix = pattern.endsWith('/*');
  const text = isPrefix ? pattern.slice(0, -1) : pattern;
  if (text === '') return { error: `the supplied pattern is too short: ${pattern}` };
  if (text.includes('*')) {
    return { error: `not a valid wildcard pattern, only patterns ending with '/*' are allowed: ${pattern}` };
  }
  if (isPrefix) return text === '/' ? { error: 'at least registry hostname is required' } : { prefix: text };
  const bare = untagged(text);
  if ('error' in bare) return { error: `failed to parse as an image name: ${bare.error}` };
  if (bare.name === text) return bare;
  return { error: `neither tag nor digest is accepted in an image reference: ${pattern}` };
}
