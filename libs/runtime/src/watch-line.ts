const BEGIN = Buffer.from(',"managedFields":[');
const END = Buffer.from('}]');

/**
 * The value of one line of a watch, without its object's `managedFields`: half of a Pod's bytes, kept by nobody, and reading
 * JSON is most of what a watch costs. So they are cut out of the bytes before these are read.
 *
 * They hold no lists, so the first `END` outside of a string is theirs, wherever among the metadata they stand: last in a Pod, in
 * the order of the alphabet in a custom resource. Inside a string quotes are escaped: `BEGIN` cannot stand there. `END` can, as
 * some keys quote names, but what follows it there is no JSON, and then the whole line is read.
 */
export function parseWatchLine(line: Buffer): unknown {
  const begin = line.indexOf(BEGIN);
  const end = begin < 0 ? -1 : line.indexOf(END, begin + BEGIN.length);
  if (end >= 0) {
    try {
      return JSON.parse(line.toString('utf8', 0, begin) + line.toString('utf8', end + 2));
    } catch {
      // Read whole below, which also says what is wrong with a line that is no JSON at all.
    }
  }
  return JSON.parse(line.toString('utf8'));
}
