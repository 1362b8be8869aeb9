/** Objects whose keys are data, not fields: all of their keys count as one. */
const MAPS =
  /(^|\.)(labels|annotations|capacity|allocatable|limits|requests|allocatedResources|matchLabels|f:[^.]*|evictionHard|evictionSoft|evictionSoftGracePeriod|evictionMinimumReclaim|systemReserved|kubeReserved|featureGates|data)$/;

/** Every path of keys in a JSON value, elements of lists as `[]`, with the kind of what stands there: `status.images[].names[] string`. */
export function shapeOf(value: unknown): readonly string[] {
  const paths = new Set<string>();
  walk(value, '', paths);
  return [...paths].sort();
}

function walk(value: unknown, path: string, paths: Set<string>): void {
  if (Array.isArray(value)) {
    if (value.length === 0) paths.add(`${path}[]`);
    for (const each of value) walk(each, `${path}[]`, paths);
    return;
  }
  if (typeof value !== 'object' || value === null) {
    paths.add(`${path} ${value === null ? 'null' : typeof value}`);
    return;
  }
  const isMap = MAPS.test(path);
  for (const [key, each] of Object.entries(value))
    walk(each, isMap ? `${path}.*` : path === '' ? key : `${path}.${key}`, paths);
}
