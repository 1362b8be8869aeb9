/** A command that a page shows, without its comment. */
export interface ShownCommand {
  readonly page: string;
  readonly words: readonly string[];
}

const begins = /^(?:npm run .|npm test|node (?:hack|e2e)|hack\/|kubelet-ts )/;

/** The commands of a page: lines of `sh` blocks, and inline code that begins like one. Placeholders stay as they are. */
export function shownCommands(page: string, text: string): ShownCommand[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, body]) => body!.split('\n'));
  const prose = text.replace(/^```.*?^```/gms, '');
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!).filter((code) => begins.test(code));
  return [...blocks, ...inline]
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ page, words: line.split(/\s+/) }));
}

/** Relative targets of a page's links. */
export function linkTargets(text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target!).filter((t) => !/^[a-z]+:/.test(t));
}
