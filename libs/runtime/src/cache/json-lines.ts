const NEWLINE = 10;

/**
 * Splits a byte stream into its newline-terminated lines. Each byte is read once and decoded once. A chunk may end anywhere, even inside
 * a character. Bytes after the last newline are dropped at the end.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  for await (const bytes of chunks) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (pending.length > 0) {
        pending.push(chunk.subarray(start, end));
        yield Buffer.concat(pending).toString('utf8');
        pending = [];
      } else if (end > start) {
        yield chunk.toString('utf8', start, end);
      }
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
}
