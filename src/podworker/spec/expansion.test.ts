import { expand, mappingFrom } from './expansion.ts';

const vars = new Map([
  ['VAR_A', 'A'],
  ['VAR_B', 'B'],
  ['VAR_C', 'C'],
  ['VAR_REF', '$(VAR_A)'],
  ['VAR_EMPTY', ''],
]);
const expanded = (text: string) => expand(text, mappingFrom(vars));

describe('expand', () => {
  test.each([
    ['whole string', '$(VAR_A)', 'A'],
    ['twice', '$(VAR_A)$(VAR_A)', 'AA'],
    ['in the middle', 'x-$(VAR_B)-y', 'x-B-y'],
    ['several', '$(VAR_B)_$(VAR_A)_$(VAR_C)', 'B_A_C'],
    ['at the end', 'foo$(VAR_C)', 'fooC'],
    ['an empty value', 'foo-$(VAR_EMPTY)-bar', 'foo--bar'],
    ['a value that looks like a reference is not expanded again', '$(VAR_REF)', '$(VAR_A)'],
    ['an unknown name stays', 'a $(MISSING) b', 'a $(MISSING) b'],
    ['escaped', 'f00-$$(VAR_A)', 'f00-$(VAR_A)'],
    ['escaped operator before a reference', '$$$(VAR_B)', '$B'],
    ['two escapes', '$$$$(VAR_A)', '$$(VAR_A)'],
    ['two escapes and a reference', '$$$$$(VAR_A)', '$$A'],
    ['three escapes', '$$$$$$(BIG)', '$$$(BIG)'],
    ['operator at the end', 'foo$', 'foo$'],
    ['escape at the end', 'foo$$', 'foo$'],
    ['unclosed', '$(VAR_A', '$(VAR_A'],
    ['unclosed after a reference', '$(VAR_A)$(VAR_B', 'A$(VAR_B'],
    ['operator without bracket', '$VAR_A', '$VAR_A'],
    ['operator before a space', 'cost: $ 5', 'cost: $ 5'],
    ['a bracket alone', '(VAR_A)', '(VAR_A)'],
    ['the innermost name ends at the first bracket', '$(VAR_A$(VAR_B))', '$(VAR_A$(VAR_B))'],
    ['empty name', '$()', '$()'],
    ['shell text', "echo '$(VAR_A)$$(date)' > /x", "echo 'A$(date)' > /x"],
    ['other scripts', '$é$(VAR_A)日$', '$éA日$'],
    ['a surrogate pair after the operator', '$😀$(VAR_A)', '$😀A'],
    ['empty text', '', ''],
  ])('%s', (_name, text, wanted) => expect(expanded(text)).toBe(wanted));

  test('an operator after an ordinary pair starts a new reference', () => {
    expect(expanded('$x$(VAR_A)')).toBe('$xA');
    expect(expanded('$($(VAR_A)')).toBe('$($(VAR_A)');
  });

  test('the first table wins', () => {
    const mapping = mappingFrom(
      new Map([['X', 'first']]),
      new Map([
        ['X', 'second'],
        ['Y', 'other'],
      ]),
    );
    expect(expand('$(X)$(Y)', mapping)).toBe('firstother');
  });

  test('names of object properties are no variables', () => {
    expect(expanded('$(constructor)$(__proto__)')).toBe('$(constructor)$(__proto__)');
  });
});
