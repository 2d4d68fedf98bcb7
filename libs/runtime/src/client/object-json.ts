const BEGIN = ',"managedFields":[';
const END = '}]';

/**
 * The value of a JSON text that holds one object of the API server, without that object's `managedFields`: half of a Pod's
 * bytes, kept by nobody, and reading JSON is most of what a watch costs. So they are cut out of the text before it is read.
 *
 * They hold no lists, so the first `END` outside of a string is theirs, wherever among the metadata they stand: last in a Pod, in
 * the order of the alphabet in a custom resource. Inside a string quotes are escaped: `BEGIN` cannot stand there. `END` can, as
 * some keys quote names, but what follows it there is no JSON, and then the whole text is read.
 *
 * @throws SyntaxError when the text is no JSON
 */
export function parseObject(text: string): unknown {
  const begin = text.indexOf(BEGIN);
  const end = begin < 0 ? -1 : text.indexOf(END, begin + BEGIN.length);
  if (end >= 0) {
    try {
      return JSON.parse(text.slice(0, begin) + text.slice(end + END.length));
    } catch {
      // Read whole below, which also says what is wrong with a text that is no JSON at all.
    }
  }
  return JSON.parse(text);
}
