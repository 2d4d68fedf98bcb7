import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { prettyLine } from './pretty.ts';

const time = '2026-03-04T05:06:07.089Z';

test.each([
  {
    name: 'shows time, level and message before the fields',
    line: JSON.stringify({ level: 'info', time, app: 'a', key: 'ns/web', pods: 3, msg: 'scaling' }),
    pretty: '05:06:07.089 INFO  scaling key=ns/web pods=3',
  },
  {
    name: 'shows the stack of an error below its line',
    line: JSON.stringify({ level: 'error', time, err: { message: 'no', stack: 'Error: no\n    at a' }, msg: 'failed' }),
    pretty: '05:06:07.089 ERROR failed\nError: no\n    at a',
  },
  { name: 'does not change text', line: 'Restarting', pretty: 'Restarting' },
  { name: 'does not change other JSON', line: '{"a":1}', pretty: '{"a":1}' },
  { name: 'does not change an incomplete line', line: '{"level":"in', pretty: '{"level":"in' },
])('$name', ({ line, pretty }) => {
  expect(stripVTControlCharacters(prettyLine(line))).toBe(pretty);
});
