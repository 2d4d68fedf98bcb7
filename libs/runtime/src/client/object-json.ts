const BEGIN = ',"managedFields":[';
const END = '}]';

/**
 * Parses a JSON text that holds one object of the API server, and leaves out the object's `managedFields`. They are half of a Pod's
 * bytes, no operator reads them, and parsing is most of the cost of a watch; so they are cut out of the text before it is parsed.
 *
 * `managedFields` contains no list, so the first `END` outside of a string closes it, wherever the field stands in the metadata. `BEGIN`
 * cannot occur inside a string, because quotes are escaped there. `END` can, because some keys quote names; the text after it
 * is then not valid JSON, and the whole text is parsed.
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
      // Parsed as a whole below, which also reports what is wrong with a text that is not JSON.
    }
  }
  return JSON.parse(text);
}
