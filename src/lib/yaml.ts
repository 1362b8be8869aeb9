import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type Tags,
} from 'yaml';

/** A parsed YAML or JSON document that still knows where its values stand. */
export interface YamlFile {
  /** The plain value; undefined for an empty file. */
  readonly value: unknown;
  /** Line (from 1) of the value, or of the nearest thing above it that is in the file. */
  lineOf(path: readonly (string | number)[]): number;
}

/** Text that is no YAML, with the line of the first error. */
export class YamlError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** A document whose aliases and merges, written out, hold more values than this is refused as a bomb. */
const MAX_EXPANDED = 1_000_000;
/**
 * Kubernetes reads YAML 1.1 as go-yaml v2 does: `yes` is true and 0644 is octal, but there are no base-60 numbers (`80:80` is text), and
 * dates stay text.
 */
const LEFT_OUT = /^tag:yaml\.org,2002:(timestamp|binary|set|omap|pairs)$/;
const goYamlTags = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !(LEFT_OUT.test(tag.tag) || tag.format === 'TIME'));

/** JSON longer than this is read without the lines of its values: finding them costs as much as reading YAML. */
const MAX_LINES_LENGTH = 256 * 1024;

/**
 * Reads all documents of a text; empty ones are left out. Throws YamlError, and nothing else whatever the text.
 * With `fastJson` a JSON text is read by JSON.parse, which lets a key given twice pass.
 */
export function parseYaml(text: string, { fastJson = false } = {}): YamlFile[] {
  return (fastJson ? parseJson(text) : undefined) ?? parseDocuments(text);
}

/** JSON is YAML, but reading it as JSON is a hundred times faster. Undefined when the text is no JSON map. */
function parseJson(text: string): YamlFile[] | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    let located: YamlFile | undefined;
    const lineOf: YamlFile['lineOf'] = (path) => {
      if (text.length > MAX_LINES_LENGTH) return 1;
      try {
        located ??= parseDocuments(text)[0];
      } catch {
        // JSON that is no YAML (a key given twice): its value is good all the same.
      }
      return located?.lineOf(path) ?? 1;
    };
    return [{ value, lineOf }];
  } catch {
    return undefined;
  }
}

function parseDocuments(text: string): YamlFile[] {
  const counter = new LineCounter();
  try {
    const documents = parseAllDocuments(text, {
      version: '1.1',
      customTags: goYamlTags,
      lineCounter: counter,
      prettyErrors: false,
      logLevel: 'error',
      merge: true,
    });
    return [...documents].flatMap((document) => read(document as Document.Parsed, counter));
  } catch (error) {
    if (error instanceof YamlError) throw error;
    const tooDeep = error instanceof RangeError;
    throw new YamlError(tooDeep ? 'it is nested too deeply' : (error as Error).message, 1);
  }
}

function read(document: Document.Parsed, counter: LineCounter): YamlFile[] {
  const first = document.errors[0];
  if (first) throw new YamlError(sentence(first.message), counter.linePos(first.pos[0]).line || 1);
  expandedSize(document.contents, new Map());
  // The count above is exact and linear, so the library's own guard (which misses nested merges) is not needed.
  const value: unknown = document.toJS({ maxAliasCount: -1 });
  if (value === null || value === undefined) return [];
  return [{ value, lineOf: (path) => lineOf(document, counter, path) }];
}

/** How many values a node holds once its aliases are written out. Throws YamlError above the limit and for a loop. */
function expandedSize(node: unknown, anchors: Map<string, number>): number {
  let size = 1;
  if (isAlias(node)) {
    const target = anchors.get(node.source);
    if (target === undefined)
      throw new YamlError(`the alias *${node.source.slice(0, 40)} refers to nothing before it`, 1);
    size = target;
  } else if (isPair(node)) {
    size = expandedSize(node.key, anchors) + expandedSize(node.value, anchors);
  } else if (isCollection(node)) {
    for (const item of node.items) size += expandedSize(item, anchors);
  }
  if (size > MAX_EXPANDED) throw new YamlError('its aliases expand to too many values', 1);
  const anchor = isNode(node) && !isAlias(node) ? node.anchor : undefined;
  if (anchor !== undefined) anchors.set(anchor, size);
  return size;
}

function sentence(message: string): string {
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
}

function lineOf(document: Document.Parsed, counter: LineCounter, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    // The key's line, not the value's: a nested value starts a line later.
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === key);
      if (pair && isNode(pair.key) && pair.key.range) return counter.linePos(pair.key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
  }
  return document.contents?.range ? counter.linePos(document.contents.range[0]).line : 1;
}
