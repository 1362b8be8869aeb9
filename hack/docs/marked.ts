/**
 * Replaces what stands between `<!-- NAME: … -->` and `<!-- end NAME -->` of a page. Throws when the page lacks the marks: a
 * generated part that lands nowhere would go unnoticed.
 */
export function withPart(page: string, name: string, part: string): string {
  const marks = new RegExp(`(<!-- ${name}:[^>]*-->\n)[\\s\\S]*?(<!-- end ${name} -->)`);
  if (!marks.test(page)) throw new Error(`the page has no marks for the generated part ${name}`);
  return page.replace(marks, (_, open: string, close: string) => `${open}${part}\n${close}`);
}

/** A Markdown table; a `|` in a cell is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
