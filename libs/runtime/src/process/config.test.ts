import { expect, test } from 'vitest';
import { commonConfig } from './common-config.ts';
import {
  ConfigError,
  defineConfig,
  flag,
  HelpRequest,
  integer,
  loadConfig,
  oneOf,
  optionalText,
  text,
} from './config.ts';

const declaration = defineConfig({
  httpPort: integer({ meaning: 'port', min: 0, max: 65_535, default: 8080 }),
  region: text({ meaning: 'cloud region' }),
  token: optionalText({ meaning: 'token', secret: true }),
  mode: oneOf(['fast', 'safe'], { meaning: 'how', default: 'safe' }),
  dryRun: flag({ meaning: 'write nothing', default: false }),
});

test('prefers flags to variables, and variables to defaults', () => {
  const config = loadConfig(declaration, { HTTP_PORT: '9', REGION: 'a' }, ['--region=b', '--dry-run', 'true']);
  expect(config).toEqual({ httpPort: 9, region: 'b', token: undefined, mode: 'safe', dryRun: true });
});

test('reports all wrong variables together, with their values and what is allowed', () => {
  const load = () => loadConfig(declaration, { HTTP_PORT: '99999', MODE: 'slow', DRY_RUN: 'yes' }, ['--what']);
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(
    [
      '--what is not a setting; --help lists all settings',
      'HTTP_PORT: "99999" is not allowed; allowed: whole number 0–65535 (port)',
      'REGION is not set; allowed: text (cloud region)',
      'MODE: "slow" is not allowed; allowed: fast | safe (how)',
      'DRY_RUN: "yes" is not allowed; allowed: true | false (write nothing)',
    ].join('\n'),
  );
});

test('an empty variable counts as unset', () => {
  expect(loadConfig(declaration, { HTTP_PORT: '', REGION: 'a' }, []).httpPort).toBe(8080);
});

test('--help shows every setting', () => {
  try {
    loadConfig(declaration, {}, ['--help']);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(HelpRequest);
    expect(String(error)).toMatch(/HTTP_PORT {2}--http-port {2}8080 +whole number 0–65535 {2}port/);
    expect(String(error)).toMatch(/REGION +--region +\(required\)/);
  }
});

test('the common settings all have defaults, so that a developer needs none', () => {
  const config = loadConfig(defineConfig(commonConfig), {}, []);
  expect(config).toMatchObject({ httpPort: 8080, podNamespace: 'kuperator-system', logLevel: 'info' });
});
