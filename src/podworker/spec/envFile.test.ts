import { envFileValue, parseEnvFile } from './envFile.ts';

const format = 'invalid environment variable format';

test.each<[string, string, object]>([
  ['plain', "KEY='value'", { value: 'value' }],
  ['the right one', "A='1'\nKEY='2'\nB='3'", { value: '2' }],
  ['the first one', "KEY='1'\nKEY='2'", { value: '1' }],
  ['another', "A='1'", { absent: true }],
  ['no file at all', '', { absent: true }],
  ['comments and blank lines', "# KEY='no'\n\n  \t\n  # x\nKEY='1'", { value: '1' }],
  ['leading blanks', " \tKEY='1'", { value: '1' }],
  ['comment after the value', "KEY='1'  # one", { value: '1' }],
  ['text is literal', `KEY='$A \\n "x" # y'`, { value: '$A \\n "x" # y' }],
  ['several lines', "KEY='a\n  b\n\nc'\n", { value: 'a\n  b\n\nc' }],
  ['lines end in CR LF', "A='x\r\ny'\r\nKEY='1'\r\n", { value: '1' }],
  [
    'what looks like an assignment inside a value',
    "A='x\nKEY=\\'no\\'",
    { error: `${format} at line 2: unexpected content after closing quote` },
  ],
  ['empty counts as absent', "KEY=''", { absent: true }],
  ['a blank after = is an empty value', "KEY= 'x'", { absent: true }],
  ['a blank after = of another is skipped unread', "A= x y\nKEY='1'", { value: '1' }],
  ['errors after the key are not seen', "KEY='1'\nnonsense", { value: '1' }],
  ['no equals sign', "A\nKEY='1'", { error: `${format} at line 1: missing '='` }],
  ['no name', "='1'", { error: `${format} at line 1: empty variable name` }],
  ['blank before =', "KEY ='1'", { error: `${format} at line 1: whitespace before '=' is not allowed` }],
  ['no quotes', '\nKEY=1', { error: `${format} at line 2: value must be enclosed in single quotes` }],
  ['double quotes', 'KEY="1"', { error: `${format} at line 1: value must be enclosed in single quotes` }],
  ['text after the quote', "KEY='1'x", { error: `${format} at line 1: unexpected content after closing quote` }],
  ['not closed', "A='1'\nKEY='1\n2\n", { error: `${format} starting at line 2: unclosed single quote` }],
  ['a very long line before', `A='${'x'.repeat(65_536)}'\nKEY='1'`, { error: 'line 1 is too long' }],
  ['a very long line after', `KEY='1'\n${'x'.repeat(70_000)}`, { value: '1' }],
  ['the longest line', `KEY='${'x'.repeat(65_529)}'\n`, { value: 'x'.repeat(65_529) }],
])('%s', (_name, text, wanted) => expect(envFileValue(parseEnvFile(text), 'KEY')).toEqual(wanted));
