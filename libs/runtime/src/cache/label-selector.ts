import { own } from '@kuperator/api';

type Labels = Record<string, string> | undefined;

/**
 * Compiles the string form of a label selector, as it stands in a query: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
 * An empty one matches everything.
 * @throws Error when it cannot be read
 * @see Kubernetes, "Labels and Selectors"
 */
export function compileLabelSelector(selector: string | undefined): (labels: Labels) => boolean {
  // Commas inside parentheses belong to a value list.
  const terms = (selector ?? '').match(/[^,(]+(\([^)]*\))?/g) ?? [];
  const tests = terms
    .map((term) => term.trim())
    .filter((term) => term !== '')
    .map(compileTerm);
  return (labels) => tests.every((test) => test(labels));
}

function compileTerm(term: string): (labels: Labels) => boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (labels) => {
      const value = own(labels, key);
      return operator === 'in' ? value !== undefined && values.has(value) : value === undefined || !values.has(value);
    };
  }
  const equality = /^([^\s!=]+)\s*(==?|!=)\s*(\S*)$/.exec(term);
  if (equality) {
    const [, key = '', operator, value] = equality;
    return (labels) => (own(labels, key) === value) === (operator !== '!=');
  }
  const existence = /^(!?)\s*([^\s!=()]+)$/.exec(term);
  if (!existence) throw new Error(`label selector term "${term}" cannot be read`);
  const [, not, key = ''] = existence;
  return (labels) => (own(labels, key) !== undefined) === (not === '');
}
