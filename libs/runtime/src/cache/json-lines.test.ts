import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from './json-lines.ts';

async function* cut(bytes: Uint8Array, at: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const end of [...at, bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

test('gives the same lines however the bytes are split', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).map((line) => `"${line.replace(/\n/g, '')}"`)),
      fc.array(fc.nat(1000)),
      async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const at = cuts.map((position) => position % (bytes.length + 1)).sort((a, b) => a - b);
        expect(await Array.fromAsync(linesOf(cut(bytes, at)))).toEqual(lines);
      },
    ),
  );
});

test('drops an incomplete last line', async () => {
  expect(await Array.fromAsync(linesOf(cut(Buffer.from('{"a":1}\n{"b"'), [3])))).toEqual(['{"a":1}']);
});
