// The grammar of image references (distribution/reference), as far as the tag needs it.
const PATH_PART = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const HOST_PART = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const DOMAIN = `(?:${HOST_PART}(?:\\.${HOST_PART})*|\\[[a-fA-F0-9:]+\\])(?::\\d+)?`;
const REFERENCE = new RegExp(
  `^(?:${DOMAIN}/)?${PATH_PART}(?:/${PATH_PART})*(?::(\\w[\\w.-]{0,127}))?(@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);
const MAX_LENGTH = 1024;

/**
 * The pull policy of an image that names none: Always for the tag `latest` (which an image without tag and digest has), IfNotPresent
 * otherwise, for what is no image reference too: pulling says so.
 */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  const match = image.length <= MAX_LENGTH ? REFERENCE.exec(image) : null;
  if (!match) return 'IfNotPresent';
  const [, tag, digest] = match;
  return tag === 'latest' || (tag === undefined && digest === undefined) ? 'Always' : 'IfNotPresent';
}
