/**
 * Returns the first characters of an object name, for a longer name such as `<prefix>-<suffix>`. A name may contain dots and dashes, but no
 * label of it may end with one, so trailing dots and dashes are removed from the prefix.
 * @param name an RFC 1123 subdomain
 * @returns at most `maxLength` characters that end with a letter or a digit
 */
export function namePrefix(name: string, maxLength: number): string {
  return name.slice(0, maxLength).replace(/[-.]+$/, '');
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** True for an RFC 1123 label, the form of a hostname. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && LABEL.test(name);
}
