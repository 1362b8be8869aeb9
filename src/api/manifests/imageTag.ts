/**
 * The pull policy of an image that names none: Always for the tag `latest` (which an image without tag and digest has), IfNotPresent
 * otherwise.
 */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const lastPart = image.slice(image.lastIndexOf('/') + 1);
  const at = lastPart.indexOf(':');
  return at < 0 || lastPart.slice(at + 1) === 'latest' ? 'Always' : 'IfNotPresent';
}
