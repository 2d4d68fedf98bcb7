/** True for tests and what only tests use. */
export function isTestFile(path: string): boolean {
  return /\.(test|e2e)\.ts$/.test(path) || /(^|\/)test\//.test(path) || /(^|\/)vitest\..*config\.ts$/.test(path);
}
