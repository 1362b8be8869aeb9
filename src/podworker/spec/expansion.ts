/** What a reference stands for; undefined leaves it as it is written. */
export type Mapping = (name: string) => string | undefined;

/**
 * Replaces every `$(NAME)` by what `mapping` says. `$$` becomes one `$`, so `$$(NAME)` stays as the text `$(NAME)`; an unknown
 * name and an unclosed `$(` stay as written, and replaced text is not expanded again.
 * (API docs of Container.command: "Variable references $(VAR_NAME) are expanded".)
 */
export function expand(text: string, mapping: Mapping): string {
  let out = '';
  let copied = 0;
  let at = text.indexOf('$');
  const lastClose = text.lastIndexOf(')'); // keeps many unclosed references from searching the whole rest each
  while (at !== -1 && at + 1 < text.length) {
    out += text.slice(copied, at);
    const next = text[at + 1];
    const close = next === '(' && at < lastClose ? text.indexOf(')', at + 2) : -1;
    if (next === '$') {
      out += '$';
      copied = at + 2;
    } else if (close !== -1) {
      const name = text.slice(at + 2, close);
      out += mapping(name) ?? `$(${name})`;
      copied = close + 1;
    } else {
      out += `$${next}`;
      copied = at + 2;
    }
    at = text.indexOf('$', copied);
  }
  return out + text.slice(copied);
}

/** A mapping that asks several tables, the first one first. */
export function mappingFrom(...tables: readonly ReadonlyMap<string, string>[]): Mapping {
  return (name) => tables.find((table) => table.has(name))?.get(name);
}
