import type { EnvVar } from '../../types/k8s.ts';

const REFERENCE = /\$(?:\$|\(([^)]*)\))/g;

/**
 * An exec probe's command with `$(NAME)` replaced from the container's literal `env` values; `valueFrom` counts as empty,
 * unknown names stay as written, `$$` is one `$` (API: ExecAction.command; env is all that a probe sees of the container).
 */
export function expandCommand(command: readonly string[], env: readonly EnvVar[] = []): string[] {
  const values = new Map(env.map((variable) => [variable.name, variable.value ?? '']));
  return command.map((word) => {
    const end = word.lastIndexOf(')') + 1; // past the last ')' nothing can be a reference: keeps the search linear
    return expand(word.slice(0, end), values) + word.slice(end).replaceAll('$$', () => '$');
  });
}

function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(REFERENCE, (whole, name: string | undefined) =>
    name === undefined ? '$' : (values.get(name) ?? whole),
  );
}
