import { own, setOwn } from '@kuperator/api';

/** One setting: how its text is parsed, what is allowed, and its meaning. Made by `text`, `integer`, `oneOf`, `flag`. */
export type Field<T> = {
  /** Unit and purpose, as `--help` shows it. */
  readonly meaning: string;
  /** What the text may be, for errors and `--help`. */
  readonly allowed: string;
  /** The default value, and how `--help` shows it; absent if the setting is required. */
  readonly fallback?: { readonly value: T; readonly shown: string };
  /** Returns the value, or undefined if the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
  /** Never shown in errors. */
  readonly secret?: boolean;
};

type Fields = Record<string, Field<unknown>>;
/** Declared settings, made by {@link defineConfig}. */
export type ConfigDeclaration<F extends Fields = Fields> = { readonly fields: F };
/** The values of declared settings, by the names of their fields. */
export type ConfigOf<D> =
  D extends ConfigDeclaration<infer F> ? { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never } : never;

/** Thrown when settings are missing or wrong; the message has one line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Thrown when `--help` was asked for; the message is the table of all settings. */
export class HelpRequest extends Error {
  override readonly name = 'HelpRequest';
}

/** Declares a text. It is required unless there is a default; an empty text counts as not given. */
export function text(options: { meaning: string; default?: string; secret?: boolean }): Field<string> {
  return {
    meaning: options.meaning,
    allowed: 'text',
    parse: (value) => value,
    ...(options.default === undefined
      ? {}
      : { fallback: { value: options.default, shown: options.default || '(empty)' } }),
    ...(options.secret ? { secret: true } : {}),
  };
}

/** Declares a text that may be left out. */
export function optionalText(options: { meaning: string; secret?: boolean }): Field<string | undefined> {
  return { ...text(options), fallback: { value: undefined, shown: '(none)' } };
}

/** Declares a whole number from `min` to `max`, both included. */
export function integer(options: { meaning: string; min: number; max: number; default?: number }): Field<number> {
  const { meaning, min, max } = options;
  return {
    meaning,
    allowed: `whole number ${min}–${max}`,
    parse(value) {
      const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
    ...(options.default === undefined ? {} : { fallback: { value: options.default, shown: String(options.default) } }),
  };
}

/** Declares a text that must be one of `values`. */
export function oneOf<const V extends string>(
  values: readonly V[],
  options: { meaning: string; default?: V },
): Field<V> {
  return {
    meaning: options.meaning,
    allowed: values.join(' | '),
    parse: (value) => values.find((allowed) => allowed === value),
    ...(options.default === undefined ? {} : { fallback: { value: options.default, shown: options.default } }),
  };
}

/** Declares a setting that is `true` or `false`. */
export function flag(options: { meaning: string; default: boolean }): Field<boolean> {
  return {
    meaning: options.meaning,
    allowed: 'true | false',
    parse: (value) => (value === 'true' ? true : value === 'false' ? false : undefined),
    fallback: { value: options.default, shown: String(options.default) },
  };
}

/**
 * Declares settings. The name of a field gives its environment variable and its flag: `httpPort` is read from
 * `--http-port` or else from `HTTP_PORT`.
 */
export function defineConfig<F extends Record<string, Field<unknown>>>(fields: F): ConfigDeclaration<F> {
  return { fields };
}

/**
 * Reads all settings; flags (`--name value`, `--name=value`) win over the environment.
 * @throws ConfigError naming every variable that is wrong, its value and what is allowed
 * @throws HelpRequest when `argv` has `--help`
 */
export function loadConfig<D extends ConfigDeclaration>(
  declaration: D,
  env: Record<string, string | undefined>,
  argv: readonly string[],
): ConfigOf<D> {
  if (argv.includes('--help')) throw new HelpRequest(helpOf(declaration));
  const problems: string[] = [];
  const flags = flagsOf(declaration, argv, problems);
  const config: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(declaration.fields)) {
    const variable = variableOf(name);
    const given = flags.get(name) ?? own(env, variable);
    if (given === undefined || given === '') {
      if (field.fallback) setOwn(config, name, field.fallback.value);
      else problems.push(`${variable} is not set; allowed: ${field.allowed} (${field.meaning})`);
      continue;
    }
    const value = field.parse(given);
    if (value === undefined) {
      const shown = field.secret ? 'the value given' : JSON.stringify(given);
      problems.push(`${variable}: ${shown} is not allowed; allowed: ${field.allowed} (${field.meaning})`);
    }
    setOwn(config, name, value);
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config as ConfigOf<D>;
}

/** `httpPort` → `HTTP_PORT` */
function variableOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function flagsOf(declaration: ConfigDeclaration, argv: readonly string[], problems: string[]): Map<string, string> {
  const names = new Map(Object.keys(declaration.fields).map((name) => [flagOf(name), name]));
  const flags = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const [given = '', ...rest] = (argv[i] ?? '').split('=');
    const name = names.get(given);
    const value = rest.length > 0 ? rest.join('=') : argv[++i];
    if (name === undefined) problems.push(`${given} is not a setting; --help lists all settings`);
    else if (value === undefined) problems.push(`${given} needs a value`);
    else flags.set(name, value);
    // What follows an unknown flag may be its value or the next flag.
    if (name === undefined && rest.length === 0 && value?.startsWith('--')) i--;
  }
  return flags;
}

function helpOf(declaration: ConfigDeclaration): string {
  const rows = Object.entries(declaration.fields).map(([name, field]) => [
    variableOf(name),
    flagOf(name),
    field.fallback?.shown ?? '(required)',
    field.allowed,
    field.meaning,
  ]);
  const table = [['VARIABLE', 'FLAG', 'DEFAULT', 'ALLOWED', 'MEANING'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
